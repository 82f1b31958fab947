import datetime

import pytest

from expokeep.cli import text

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m00s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (86_399, "23h59m"),
        (86_400, "1d00h"),
        (400 * 86_400 + 3600, "400d01h"),
    ],
)
def test_an_age_has_two_units_at_most(seconds, shown):
    assert text.age(NOON - datetime.timedelta(seconds=seconds), NOON) == shown


def test_what_never_was_is_a_dash():
    assert text.age(None, NOON) == text.moment(None) == "-"


def test_a_path_of_a_document_is_shown_as_it_was_escaped():
    assert text.path("a\\xff\\\\b\x1b[2J\u202e") == "a\\xff\\\\b\\x1b[2J\\u202e"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (None, ""),
        ("plain é 日本", "plain é 日本"),
        ("two\n\n lines\t", "two lines"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("turned \u202e around", "turned \\u202e around"),
        ("C:\\new", "C:\\new"),
        ("lone \udcff", "lone \\xff"),
    ],
)
def test_words_stay_on_their_line_and_move_nothing(words, shown):
    assert text.safe(words) == shown
