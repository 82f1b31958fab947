"""The words by which a person names a version."""

import datetime
import uuid

import pytest

from expokeep.model.version import Selector, parse_version_ref

NOW = datetime.datetime(2026, 11, 24, 10, 30, tzinfo=datetime.UTC)
PACK = "01234567-89ab-7def-8123-456789abcdef"


@pytest.mark.parametrize(
    ("words", "selector"),
    [
        ("good", Selector(is_good=True)),
        ("label:demo", Selector(label="demo")),
        ("label:2026-11-24T10:00", Selector(label="2026-11-24T10:00")),
        ("label:label:ü 1", Selector(label="label:ü 1")),
        (f"pack:{PACK}", Selector(pack=uuid.UUID(PACK))),
        ("17", Selector(seq=17)),
        ("-1", Selector(back=1)),
    ],
)
def test_words_select_a_version(words, selector):
    assert parse_version_ref(f"shop@{words}", now=NOW).selector == selector


@pytest.mark.parametrize(
    "words",
    [
        *("", "Good", "good ", "label:", "label:a@b", "label:a/b", "label:a\nb"),
        *("label:" + "x" * 101, "pack:", f"pack:{PACK.upper()}", f"pack:{PACK}0"),
    ],
)
def test_other_words_are_refused_and_told_what_there_is(words):
    with pytest.raises(ValueError, match=r"SID@good.*SID@label:NAME"):
        parse_version_ref(f"shop@{words}", now=NOW)
