"""docs/METRICS.md says what is declared."""

from pathlib import Path

from expokeep.service.monitoring.manual import with_tables

DOCUMENT = Path(__file__).parents[4] / "docs/METRICS.md"


def test_the_document_has_every_metric_as_it_is_declared():
    text = DOCUMENT.read_text()

    # Written by `python -m expokeep.service.monitoring.manual docs/METRICS.md`.
    assert text == with_tables(text)
