"""What is remembered of a directory, and for how long."""

import uuid

import pytest

from expokeep.model.names import SessionId
from expokeep.model.tree import Link
from expokeep.worktree import index as indexes
from expokeep.worktree.index import Index
from expokeep.worktree.shelf import Footing, Shelf

SHOP = SessionId("shop")
LIFE, OTHER = (1, 2**63, 3), (1, 5, 3)
AT_HEAD = Footing(
    1000, has_head=True, is_heads=True, is_restored=False, ends_at_head=True
)
PACK = uuid.UUID(int=7)
TREE = {b"App.js": Link(b"x")}


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "index")


def remember(shelf, life=LIFE):
    shelf.keep_footing(SHOP, life, AT_HEAD)
    indexes.save(shelf.index_file(SHOP, life), Index(PACK, TREE))


def test_what_is_kept_comes_back(shelf):
    remember(shelf)

    assert shelf.footings(SHOP) == {LIFE: AT_HEAD}
    assert [*shelf.trees(SHOP)] == [(PACK, TREE)]
    assert shelf.footings(SessionId("other")) == {}


def test_the_head_is_of_one_life_only(shelf):
    remember(shelf, OTHER)

    shelf.keep_footing(SHOP, LIFE, AT_HEAD)

    found = shelf.footings(SHOP)
    assert found[LIFE].is_heads
    assert found[OTHER].is_heads is found[OTHER].ends_at_head is False


def test_a_directory_that_ended_is_forgotten(shelf):
    remember(shelf)
    remember(shelf, OTHER)

    shelf.end(SHOP, *LIFE[:2], is_needed=False)

    assert shelf.footings(SHOP).keys() == {OTHER}
    assert len([*shelf.trees(SHOP)]) == 1


def test_a_directory_that_ended_is_remembered_while_it_is_needed(shelf):
    remember(shelf)

    shelf.end(SHOP, *LIFE[:2], is_needed=True)
    kept = shelf.footings(SHOP), [*shelf.trees(SHOP)]
    shelf.keep_footing(SHOP, LIFE, AT_HEAD)
    shelf.sweep(SHOP)

    assert kept == ({LIFE: AT_HEAD}, [(PACK, TREE)])
    assert not (shelf.directory / SHOP).exists()


def test_a_sweep_leaves_what_is_alive(shelf):
    remember(shelf)

    shelf.sweep(SHOP)

    assert shelf.footings(SHOP) == {LIFE: AT_HEAD}


def test_what_is_damaged_is_no_memory(shelf):
    remember(shelf)
    for file in (shelf.directory / SHOP).iterdir():
        file.write_bytes(b"{")

    assert shelf.footings(SHOP) == {}
    assert [*shelf.trees(SHOP)] == []


def test_what_a_directory_was_made_of_is_noted_until_the_catalog_knows(shelf):
    shelf.keep_origin(SHOP, LIFE, PACK)
    shelf.keep_origin(SHOP, OTHER, PACK)
    shelf.end(SHOP, *OTHER[:2], is_needed=True)

    before = shelf.origins(SHOP)
    shelf.drop_origin(SHOP, LIFE)
    shelf.drop_origin(SHOP, OTHER)

    assert before == {LIFE: PACK, OTHER: PACK}
    assert shelf.origins(SHOP) == {}
