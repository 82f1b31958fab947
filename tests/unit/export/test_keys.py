"""The names under which exports lie in the bucket."""

import datetime

import pytest

from expokeep.export import keys
from expokeep.export.keys import Published
from expokeep.model.names import SessionId

AT = datetime.datetime(2026, 11, 24, 10, 30, tzinfo=datetime.UTC)


def test_the_note_of_a_public_archive_tells_all_of_it() -> None:
    one = Published(SessionId("shop.42"), 17, AT, keys.new_secret(), "tar.gz")

    assert keys.parse_note(one.note_key) == one
    assert one.note_key.startswith(keys.notes_of(one.session))
    assert "shop" not in one.key
    assert one.key.startswith(keys.PUBLIC)


def test_the_key_of_a_lent_archive_says_until_when() -> None:
    key = keys.lent_key(AT, keys.new_secret(), "shop.zip")

    assert keys.lent_until(key) == AT


@pytest.mark.parametrize(
    "key",
    [
        "exports/until-1/x/y",
        "exports/public/..",
        "v1/main/shop/x",
        "exports/public/a b/0000000001-1795478400-" + 43 * "x" + ".zip",
    ],
)
def test_what_is_no_key_of_ours_is_left_alone(key: str) -> None:
    assert keys.lent_until(key) is None
    assert keys.parse_note(key) is None
    assert keys.session_of_compat_key(key) is None
