from pathlib import Path

import click
import pytest

from expokeep.cli.kinds import DURATION, NAME, SESSION, TARGET, WORDS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30.0), ("250ms", 0.25), ("5m", 300.0), ("1h", 3600.0), ("2d", 172_800.0)],
)
def test_a_time_has_a_unit_or_is_in_seconds(text, seconds):
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1.5h", "5 m", "5x", "²"])
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="write 30s, 5m, 1h or 7d"):
        DURATION.convert(text, None, None)


def test_a_name_is_the_bytes_that_the_shell_handed_over():
    assert NAME.convert("é\udcff", None, None) == b"\xc3\xa9\xff"


@pytest.mark.parametrize("kind", [WORDS, SESSION])
def test_words_that_cannot_be_sent_are_refused(kind):
    assert kind.convert("é\n", None, None) == "é\n"
    with pytest.raises(click.BadParameter, match="UTF-8"):
        kind.convert("a\udcff", None, None)


def test_an_unset_variable_is_no_target():
    assert TARGET.convert("a b/", None, None) == Path("a b")
    with pytest.raises(click.BadParameter, match="empty"):
        TARGET.convert("", None, None)
