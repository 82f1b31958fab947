"""No automatic act replaces a good head by an emptied tree."""

import shutil

import pytest

from expokeep.model.version import Selector, VersionRef
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, MemoryStore(), tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


@pytest.fixture
def emptied(host):
    """A project of ten files that was kept, and then lost nine of them."""
    for number in range(10):
        (host.home(SHOP) / f"{number}.js").write_text(str(number))
    host.save()
    shutil.copytree(host.home(SHOP), host.top / "copy")
    for number in range(1, 10):
        (host.home(SHOP) / f"{number}.js").unlink()
    return host


def head(host):
    return host.catalog.resolve(VersionRef(SHOP)).seq


def test_a_tree_that_lost_most_of_its_files_is_parked(emptied):
    version = emptied.save()

    assert (version.seq, version.parked) == (2, "it lost 9 of 10 files")
    assert head(emptied) == 1


def test_what_follows_stays_parked_until_the_files_are_back(emptied):
    emptied.save()
    (emptied.home(SHOP) / "0.js").write_text("edited")
    edited = emptied.save()
    shutil.copytree(emptied.top / "copy", emptied.home(SHOP), dirs_exist_ok=True)
    back = emptied.save()

    assert edited.parked == "it lost 9 of 10 files"
    assert back.parked is None
    assert head(emptied) == back.seq


def test_after_a_restart_it_stays_parked_as_well(emptied):
    emptied.look(believes_deletions=True)
    emptied.restart()

    (shipped,) = emptied.ship()

    assert shipped.version.parked
    assert head(emptied) == 1


def test_who_forces_a_save_means_it(emptied):
    version = emptied.save(trigger="save", is_forced=True)

    assert version.parked is None
    assert head(emptied) == 2


def test_who_forces_a_fragment_means_it_as_well(emptied):
    shutil.rmtree(emptied.home(SHOP))
    emptied.home(SHOP).mkdir()
    (emptied.home(SHOP) / "chat.js").write_text("a fragment")
    parked = emptied.save(trigger="save")
    (emptied.home(SHOP) / "chat.js").write_text("meant")

    forced = emptied.save(trigger="save", is_forced=True)

    assert parked.parked
    assert forced.parked is None
    assert head(emptied) == forced.seq


def test_an_accepted_version_is_head_and_so_is_what_follows(emptied):
    parked = emptied.save()

    replaced = emptied.catalog.accept(parked)
    accepted = emptied.catalog.resolve(VersionRef(SHOP, Selector(seq=2)))
    (emptied.home(SHOP) / "0.js").write_text("edited")
    following = emptied.save()

    assert replaced == 1
    assert accepted.parked is None
    assert following.parked is None
    assert head(emptied) == 3


def test_to_restore_a_small_old_version_is_no_loss(host):
    (host.home(SHOP) / "0.js").write_text("0")
    (host.home(SHOP) / "package.json").write_text("{}")
    host.save()
    for number in range(1, 20):
        (host.home(SHOP) / f"{number}.js").write_text(str(number))
    host.save()

    host.restore("shop@1", existing="swap")
    (host.home(SHOP) / "0.js").write_text("edited")
    after = host.save()

    assert after.parked is None
    assert head(host) == 3
