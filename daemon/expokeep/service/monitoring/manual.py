"""Writes the tables of docs/METRICS.md: every metric there is, from its declaration.

`python -m expokeep.service.monitoring.manual docs/METRICS.md`
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from expokeep.service.monitoring.declared import GROUPS
from expokeep.service.monitoring.metric import Group, Metric

MARK = "<!-- From here on: python -m expokeep.service.monitoring.manual FILE -->\n"


def with_tables(text: str) -> str:
    """Return a document with the tables that there should be after the mark."""
    tables = "\n".join(line for group in GROUPS for line in _group(group))
    return text.partition(MARK)[0] + MARK + "\n" + tables


def _group(group: Group) -> Iterator[str]:
    yield f"### {group.title}\n"
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in group.metrics:
        kind = f"{metric.kind}, all hosts" if metric.is_shared else metric.kind
        yield f"| `{metric.full_name}` | {kind} | {_labels(metric)} | {metric.why} |"
    yield ""


def _labels(metric: Metric) -> str:
    return "; ".join(
        f"`{label}`: {', '.join(values)}" if values else f"`{label}`"
        for label, values in metric.labels.items()
    )


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text()))
