import uuid

import pytest

from expokeep.model.names import SessionId
from expokeep.pack.key import PackName, pack_key, parse_pack_key

PACK = "01900000-0000-7000-8000-000000000001"
NAME = PackName("main", SessionId("shop-42"), 1234567890, 3, uuid.UUID(PACK))


def test_a_key_is_as_the_format_says() -> None:
    key = pack_key(NAME, "some/prefix/")

    assert key == f"some/prefix/main/shop-42/1234567890-3-{PACK}.tar.zst"
    assert parse_pack_key(key, "some/prefix/") == NAME


def test_keys_of_a_session_sort_by_seq() -> None:
    keys = [
        pack_key(PackName("main", SessionId("a"), seq, 0, uuid.UUID(int=9)))
        for seq in (2, 10, 9_999_999_999)
    ]

    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"v2/main/shop/0000000001-0-{PACK}.tar.zst",
        f"v1/_meta/shop/0000000001-0-{PACK}.tar.zst",
        f"v1/main/../0000000001-0-{PACK}.tar.zst",
        f"v1/main/shop/1-0-{PACK}.tar.zst",
        f"v1/main/shop/0000000001-0-{PACK.upper()}F.tar.zst",
        f"v1/main/shop/0000000001-0-{PACK.replace('-', '')}----.tar.zst",
        f"v1/main/shop/0000000001-0-{PACK}.tar.zst\n",
        f"other/v1/main/shop/0000000001-0-{PACK}.tar.zst",
    ],
)
def test_what_is_no_key_of_a_pack_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not"):
        parse_pack_key(key)


@pytest.mark.parametrize(
    ("scope", "session", "seq", "level"),
    [("a/b", "s", 1, 0), ("a", "s/t", 1, 0), ("a", "s", 10**10, 0), ("a", "s", 1, 10)],
)
def test_no_part_of_a_key_can_be_two(
    scope: str, session: str, seq: int, level: int
) -> None:
    with pytest.raises(ValueError, match="no"):
        PackName(scope, SessionId(session), seq, level, uuid.UUID(PACK))
