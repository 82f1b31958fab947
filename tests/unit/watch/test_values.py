"""What a watch root is."""

import re

import pytest

from expokeep.watch.values import WatchRoot


def test_a_restored_directory_belongs_to_its_session() -> None:
    name = b"expo-abc-restored-01234567-89ab-cdef-0123-456789abcdef"

    assert WatchRoot(b"/tmp").session_of(name) == "abc"


def test_names_can_follow_another_pattern() -> None:
    root = WatchRoot(b"/srv", b"app_*", re.compile(r"app_(?P<sid>[a-z]+)"))

    assert root.matches(b"app_shop")
    assert root.session_of(b"app_shop") == "shop"
    assert root.session_of(b"app_SHOP") is None


@pytest.mark.parametrize("path", [b"tmp", b"/tmp/", b""])
def test_a_root_is_an_absolute_path(path: bytes) -> None:
    with pytest.raises(ValueError, match="absolute"):
        WatchRoot(path)
