"""Snapshots that wait become one: what is recorded then, on a real Postgres."""

import os

import pytest

from expokeep.model.version import VersionRef
from expokeep.pack.format import PackDamaged
from expokeep.snapshot.fold import Folder
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper, seen_in

MIB = 1 << 20


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, MemoryStore(), tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


def write(host, name, contents="text", session=SHOP):
    path = host.home(session) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return path


def fold(host, pressure):
    return list(Folder(host.spool, host.policy).fold(SHOP, pressure))


def seal(host, numbers, **request):
    """Snapshots of so many states, one after the other; returns their packs."""
    packs = []
    for number in numbers:
        write(host, "App.js", f"{number}")
        write(host, f"{number}.js", f"{number}")
        packs.append(host.look(**request).sealed.entry.pack)
    return packs


def history(catalog):
    """Return each version's number, parent and App.js, oldest first."""
    found = []
    for version in reversed(catalog.versions(SHOP)):
        kept = catalog.kept(version)
        found.append((version.seq, version.parent, version.parked))
        assert kept.places.keys() == {
            entry.digest for entry in kept.tree.values() if hasattr(entry, "digest")
        }
    return found


def assert_restores(host, ref=SHOP):
    """Check that the newest version is what is on disk now."""
    back = host.top / f"back-{len(list(host.top.glob('back-*')))}"
    host.restore(ref, back)
    assert seen_in(back) == seen_in(host.home(SHOP))


def test_what_waits_behind_the_oldest_becomes_one_version(host, catalog):
    packs = seal(host, range(1, 8))

    ((*olds,),) = fold(host, "gentle")

    assert [entry.pack for entry in olds] == packs[1:]
    assert [entry.pack for entry in host.spool.pending(SHOP)] == [packs[0], packs[-1]]
    host.ship()
    assert history(catalog) == [(1, None, None), (2, 1, None)]
    assert_restores(host)


def test_under_hard_pressure_the_oldest_is_folded_too(host, catalog):
    packs = seal(host, range(1, 8))
    oldest_at = host.spool.backlog().oldest_at

    fold(host, "hard")

    assert [entry.pack for entry in host.spool.pending(SHOP)] == packs[-1:]
    assert host.spool.backlog().oldest_at == oldest_at
    host.ship()
    assert history(catalog) == [(1, None, None)]
    assert_restores(host)


def test_a_fold_goes_on_from_what_was_recorded_before_it(host, catalog):
    seal(host, [1])
    host.ship()
    seal(host, range(2, 6))
    write(host, "1.js").unlink()
    host.look(believes_deletions=True)

    fold(host, "hard")
    host.ship()

    assert history(catalog) == [(1, None, None), (2, 1, None)]
    assert_restores(host)


def test_a_fold_keeps_only_the_contents_that_the_newest_has(host):
    seal(host, [1])
    for _ in range(4):
        write(host, "small.bin", os.urandom(MIB))
        write(host, "video.mp4", os.urandom(9 * MIB))
        host.look()
    before = host.spool.backlog().disk_bytes

    fold(host, "gentle")

    assert before > 40 * MIB
    assert host.spool.backlog().disk_bytes < 11 * MIB
    host.ship()
    assert_restores(host)


def test_what_supersedes_little_is_not_written_again(host):
    for number in range(4):
        write(host, f"{number}.bin", os.urandom(MIB))
        host.look()

    assert fold(host, "hard") == []


def test_snapshots_go_on_from_a_fold(host, catalog):
    seal(host, range(1, 5))
    fold(host, "gentle")
    seal(host, [5, 6])
    fold(host, "gentle")
    seal(host, [7])

    host.ship()

    assert history(catalog) == [(1, None, None), (2, 1, None), (3, 2, None)]
    assert_restores(host)
    assert host.save() is None


def test_a_saved_version_stays_one_until_there_is_no_other_room(host, catalog):
    seal(host, [1, 2, 3])
    saved = seal(host, [4], trigger="save", message="before lunch", author="u1")
    seal(host, [5, 6, 7])

    fold(host, "gentle")
    assert len(host.spool.pending(SHOP)) == 3
    assert host.spool.pending(SHOP)[1].pack == saved[0]
    fold(host, "hard")
    host.ship()

    (version,) = catalog.versions(SHOP)
    assert (version.trigger, version.message) == ("save", "before lunch")
    assert version.author == "u1"
    assert_restores(host)


def test_the_last_good_state_before_a_loss_is_never_folded_away(host, catalog):
    seal(host, range(1, 11))
    for number in range(1, 10):
        (host.home(SHOP) / f"{number}.js").unlink()
    host.look(believes_deletions=True)
    seal(host, [20, 21])

    fold(host, "hard")
    host.ship()

    parked = "it lost 9 of 11 files"
    assert history(catalog) == [(1, None, None), (2, 1, parked), (3, 2, parked)]
    assert catalog.resolve(VersionRef(SHOP)).seq == 1
    assert_restores(host, f"{SHOP}@3")


def test_an_oldest_that_was_recorded_without_an_answer_is_no_wrong_history(
    host, catalog, monkeypatch
):
    seal(host, [1])
    with monkeypatch.context() as patch:
        patch.setattr(host.spool, "drop", lambda _entry: None)  # killed before this
        host.ship()
    host.restart()
    seal(host, [2, 3])

    fold(host, "hard")
    host.ship()

    assert history(catalog) == [(1, None, None), (2, 1, None)]
    assert_restores(host)


@pytest.mark.parametrize("pressure", ["gentle", "hard"])
def test_two_directories_of_a_session_are_folded_apart(host, catalog, pressure):
    other = host.top / f"expo-{SHOP}-restored"
    other.mkdir()
    for number in range(1, 5):
        seal(host, [number])
        (other / "App.js").write_text(f"other {number}")
        host.look(directory=other)

    fold(host, pressure)
    host.ship()

    assert len(history(catalog)) == 3
    assert catalog.resolve(VersionRef(SHOP)).epoch == 1
    assert_restores(host)


def test_what_is_being_shipped_is_left_alone(host):
    packs = seal(host, range(1, 6))
    shipped = host.spool.pending(SHOP)[2]

    with host.spool.held([shipped]):
        assert fold(host, "gentle") == []
    assert [entry.pack for entry in host.spool.pending(SHOP)] == packs


def test_a_pack_that_cannot_be_read_is_left_with_all_the_others(host):
    seal(host, range(1, 6))
    write(host, "half.bin", os.urandom(90_000))
    damaged = host.look().sealed.entry
    write(host, "App.js", "the last")
    host.look()
    file = damaged.path_of(damaged.note.packs[0])
    contents = bytearray(file.read_bytes())
    contents[-50_000] ^= 1
    file.write_bytes(contents)
    before = host.spool.pending(SHOP)

    with pytest.raises(PackDamaged):
        fold(host, "gentle")

    assert host.spool.pending(SHOP) == before
    assert not list((host.top / "spool").glob("*/draft-*"))


def test_an_index_of_a_state_that_was_folded_away_is_caught_up(host, catalog):
    seal(host, [1])
    host.ship()
    seal(host, [2, 3])
    (index,) = (host.top / "index").rglob("*.index")
    old = index.read_bytes()
    seal(host, [4, 5])
    fold(host, "hard")
    index.write_bytes(old)
    host.restart()

    seal(host, [6])
    host.ship()

    assert history(catalog) == [(1, None, None), (2, 1, None), (3, 2, None)]
    assert_restores(host)


def test_without_an_index_a_whole_tree_takes_the_place_of_what_waits(host, catalog):
    seal(host, [1])
    host.ship()
    seal(host, [2, 3])
    for index in (host.top / "index").rglob("*.index"):
        index.unlink()
    host.restart()
    write(host, "2.js").unlink()
    host.look(believes_deletions=True)

    fold(host, "hard")
    (waits,) = host.spool.pending(SHOP)
    assert waits.note.parent_pack is None
    host.ship()

    assert history(catalog) == [(1, None, None), (2, 1, None)]
    assert_restores(host)
