"""Snapshots on a real Postgres: what is kept, stored, and not done twice."""

import errno
import os
import shutil
import uuid

import pytest

from expokeep import clock
from expokeep.errors import BackendUnreachable, NoSpace, NotFound
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import tree_digest
from expokeep.model.version import Selector, VersionRef
from expokeep.restore.run import Wish, restore
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.snapshot.ship import ForeignDirectory
from expokeep.store.memory import MemoryStore
from expokeep.watch.settle import Settler
from journeys import SHOP, keeper, seen_in


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def host(catalog, store, tmp_path):
    with keeper(catalog, store, tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


def write(host, name, text="text"):
    path = host.home(SHOP) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def puts(store):
    return store.usage().requests.get("PutObject", 0)


def tree_of(catalog, seq=None):
    return catalog.tree(catalog.resolve(VersionRef(SHOP, Selector(seq=seq))))


def test_an_empty_directory_is_no_version(host):
    assert host.save() is None


def test_versions_count_from_one_and_name_their_parents(host):
    write(host, "App.js", "one")
    first = host.save()
    write(host, "App.js", "two")
    second = host.save(message="a message", author="u1", trigger="save")

    assert (first.seq, first.parent) == (1, None)
    assert (second.seq, second.parent) == (2, 1)
    assert (second.message, second.author) == ("a message", "u1")


def test_no_change_is_no_version_and_no_request(host, store):
    write(host, "App.js")
    host.save()
    before = puts(store)

    assert host.save() is None
    assert puts(store) == before


def test_a_file_touched_or_rewritten_with_the_same_bytes_is_no_change(host):
    path = write(host, "App.js")
    host.save()

    os.utime(path)
    path.write_text("text")

    assert host.save() is None


def test_one_edited_file_of_many_is_one_put_of_its_contents_alone(host, store):
    for number in range(200):
        write(host, f"src/{number}.js", f"file {number}")
    host.save()
    before, sent = puts(store), store.usage().bytes_sent

    write(host, "src/7.js", "edited")
    host.save()

    assert puts(store) == before + 1
    assert store.usage().bytes_sent - sent < 2000


def test_a_restart_reads_nothing_that_did_not_change(host, monkeypatch):
    for number in range(20):
        write(host, f"{number}.js")
    later_ns = clock.now_ns() + 60 * 10**9
    monkeypatch.setattr(clock, "now_ns", lambda: later_ns)
    host.save()
    host.restart()
    reads = []
    monkeypatch.setattr("expokeep.snapshot.look.read", lambda *_, **__: reads.append(1))

    assert host.save() is None
    assert reads == []


def test_without_its_index_a_restart_reads_all_and_records_nothing(host):
    write(host, "App.js")
    host.save()
    for index in (host.top / "index").rglob("*.index"):
        index.unlink()
    host.restart()

    assert host.save() is None


def test_a_mode_alone_is_a_change(host, catalog):
    path = write(host, "run.sh")
    host.save()
    path.chmod(0o755)

    assert host.save().seq == 2
    assert tree_of(catalog)[b"run.sh"].mode == 0o755


def test_deletions_wait_unless_a_person_asks(host, catalog):
    write(host, "a", "a")
    path = write(host, "b", "b")
    host.save()
    path.unlink()

    held = host.look()
    asked = host.save()

    assert held.sealed is None
    assert 0 < held.wake_in_s <= 60
    assert asked.seq == 2
    assert set(tree_of(catalog)) == {b"a"}


def test_a_directory_that_goes_away_is_no_edit(host, catalog):
    write(host, "App.js")
    host.save()
    (host.home(SHOP) / "App.js").unlink()
    held = host.look()
    host.home(SHOP).rmdir()

    with pytest.raises(NotFound):
        host.look()
    assert held.sealed is None
    assert set(tree_of(catalog)) == {b"App.js"}


def test_ten_sessions_of_one_template_store_its_contents_once(host, store):
    contents = os.urandom(100_000)
    for number in range(10):
        session = SessionId(f"s{number}")
        home = host.home(session)
        home.mkdir()
        (home / "asset.png").write_bytes(contents)
        (home / "own.txt").write_text(str(number))
        host.save(session)

    assert store.usage().bytes_sent < 100_000 + 10 * 3000


def test_ten_builds_of_fifty_common_and_five_own_megabytes_share_the_common(
    host, store
):
    common = [os.urandom(50_000) for _ in range(100)]
    for number in range(10):
        session = SessionId(f"s{number}")
        host.home(session).mkdir()
        for index, contents in enumerate(common):
            (host.home(session) / f"common-{index}").write_bytes(contents)
        (host.home(session) / "own").write_bytes(os.urandom(500_000))
        host.save(session)

    # The user's example at a tenth of its size: 500 MB become at most 100 MB.
    assert store.usage().bytes_sent < 10_000_000 * 1.02


def test_a_big_file_has_a_pack_of_its_own(host, store, catalog):
    contents = os.urandom(9_000_000)
    (host.home(SHOP) / "movie.bin").write_bytes(contents)
    write(host, "App.js")

    host.save()

    assert puts(store) == 2
    assert tree_of(catalog)[b"movie.bin"].digest == digest_of(contents)


def test_what_is_excluded_is_in_no_tree(host, catalog):
    for name in ("node_modules/a/b.js", ".expo/x", "src/.git/config", "dist/o.js"):
        write(host, name)
    write(host, "src/dist/keep.js")

    outcome = host.look()
    host.ship()

    assert set(tree_of(catalog)) == {b"src", b"src/dist", b"src/dist/keep.js"}
    assert outcome.excluded_count == 4


def test_a_project_may_leave_out_more(host, catalog):
    write(host, ".expokeepignore", "*.tmp\n[\nsecret/\n")
    write(host, "a.tmp")
    write(host, "secret/key")
    write(host, "App.js")
    host.save()

    assert set(tree_of(catalog)) == {b".expokeepignore", b"App.js"}


def test_a_project_is_called_what_its_app_json_says(host, catalog):
    write(host, "app.json", '{"expo": {"name": "My Shop"}}')
    host.save()

    assert catalog.session(SHOP).project_name == "My Shop"


def test_a_file_that_cannot_be_read_keeps_what_was_kept_of_it(host, catalog):
    path = write(host, "App.js", "good")
    host.save()
    path.unlink()
    os.mkfifo(path)
    write(host, "other")

    host.look()
    host.ship()

    # A pipe is no file: what was the file is gone with the change of type.
    assert set(tree_of(catalog)) >= {b"other"}


def test_a_directory_of_another_user_is_never_taken_for_the_session(host, catalog):
    write(host, "App.js", "mine")
    host.save()
    home = host.home(SHOP)
    home.rename(host.top / "gone")
    home.mkdir()
    os.chown(home, 4242, 4242)
    (home / "App.js").write_text("not mine")

    with pytest.raises(ForeignDirectory):
        host.save()
    assert tree_of(catalog)[b"App.js"].digest == digest_of(b"mine")


def restored_name(host):
    """Return a second directory of the session."""
    return host.top / f"expo-{SHOP}-restored-{uuid.uuid4()}"


def test_what_another_user_had_sealed_in_an_outage_does_not_block_the_session(
    catalog, store, tmp_path
):
    away = Away(catalog)
    with keeper(away, store, tmp_path) as host:
        host.home(SHOP).mkdir()
        write(host, "App.js", "one")
        host.save()
        intruder = restored_name(host)
        intruder.mkdir()
        (intruder / "App.js").write_text("not mine")
        os.chown(intruder, 4242, 4242)
        away.is_away = True
        host.look(directory=intruder)
        write(host, "App.js", "two")
        host.look()
        away.is_away = False
        waiting = Turnstile(Settler(0.0, 0.0), lambda session: session)
        shipping = Shipping(host.spool, host.shipper, host.snapshotter, waiting)

        shipping.handle(SHOP)

        assert host.spool.pending(SHOP) == []
        assert tree_of(catalog)[b"App.js"].digest == digest_of(b"two")
        assert catalog.resolve(VersionRef(SHOP)).seq == 2
        with pytest.raises(ForeignDirectory):
            host.look(directory=intruder)


def test_a_directory_that_was_overtaken_does_not_bury_what_was_edited_elsewhere(
    host, catalog
):
    write(host, "App.js", "one")
    write(host, "package.json", "{}")
    host.save()
    other = restored_name(host)
    shutil.copytree(host.home(SHOP), other)
    host.look(directory=other)
    host.ship()
    (other / "App.js").write_text("edited by a person")
    host.look(directory=other)
    (edited,) = host.ship()

    # What it knows of the session is older than the edit in the other directory.
    write(host, "package.json", '{"as": "npm install leaves it"}')
    sealed = host.look().sealed
    shipped = host.shipper.ship(sealed.entry, sealed)

    assert edited.version.parked is None
    assert shipped.version.parked
    assert catalog.resolve(VersionRef(SHOP)).seq == edited.version.seq


def test_a_blank_template_in_a_new_directory_does_not_bury_the_project(host, catalog):
    write(host, "App.js", "a person's work")
    write(host, "package.json", "{}")
    host.save()
    host.home(SHOP).rename(host.top / "gone")
    host.home(SHOP).mkdir()
    write(host, "App.js", "blank")
    write(host, "package.json", "{}")

    host.look()
    (blank,) = host.ship()
    head_with_blank = catalog.resolve(VersionRef(SHOP))
    write(host, "App.js", "edited by a person")
    host.look()
    (edited,) = host.ship()

    assert blank.version.parked
    assert head_with_blank.seq == 1
    assert edited.version.parked is None
    assert catalog.resolve(VersionRef(SHOP)).seq == edited.version.seq
    assert edited.version.epoch == 2


class Away:
    """A server that does not answer."""

    def __init__(self, behind):
        self.behind = behind
        self.is_away = False

    def __getattr__(self, name):
        if self.is_away:
            raise BackendUnreachable("it is away")
        return getattr(self.behind, name)


def test_an_outage_of_everything_loses_nothing_and_keeps_the_order(
    catalog, store, tmp_path
):
    away_catalog, away_store = Away(catalog), Away(store)
    with keeper(away_catalog, away_store, tmp_path) as host:
        host.home(SHOP).mkdir()
        write(host, "App.js", "0")
        host.save()
        away_catalog.is_away = away_store.is_away = True
        for number in (1, 2, 3):
            write(host, "App.js", f"version {number}")
            assert host.look().sealed is not None
        with pytest.raises(BackendUnreachable):
            host.ship()
        host.restart()
        away_catalog.is_away = away_store.is_away = False
        shipped = host.ship()

        assert [one.version.seq for one in shipped] == [2, 3, 4]
        assert [one.version.parent for one in shipped] == [1, 2, 3]
        texts = [tree_of(catalog, seq)[b"App.js"].digest for seq in (2, 3, 4)]
        assert texts == [digest_of(b"version %d" % number) for number in (1, 2, 3)]
        write(host, "App.js", "after")
        assert host.save().parent == 4


def test_a_first_snapshot_in_an_outage_continues_the_chain_it_did_not_know(
    catalog, store, tmp_path
):
    away = Away(catalog)
    with keeper(away, store, tmp_path) as host:
        host.home(SHOP).mkdir()
        write(host, "App.js", "one")
        write(host, "b", "b")
        host.save()
        for index in (host.top / "index").rglob("*.index"):
            index.unlink()
        host.restart()
        away.is_away = True
        write(host, "App.js", "two")
        (host.home(SHOP) / "b").unlink()
        host.look()
        away.is_away = False
        (shipped,) = host.ship()

        assert (shipped.version.seq, shipped.version.parent) == (2, 1)
        assert set(tree_of(catalog)) == {b"App.js"}


def test_a_restored_directory_that_nobody_touched_is_no_version(host, catalog):
    write(host, "App.js")
    write(host, "package.json", "{}")
    host.save()
    host.home(SHOP).rename(host.top / "gone")

    host.restore("shop")

    assert host.save() is None
    write(host, "App.js", "edited")
    after = host.save()
    assert (after.parent, after.parked, after.epoch) == (1, None, 2)


def test_a_failure_while_the_old_tree_is_reused_shows_no_part_of_the_new(host):
    write(host, "a.js", "the same")
    write(host, "b.js", "the same")
    host.save()
    (host.home(SHOP) / "b.js").unlink()
    before = seen_in(host.home(SHOP))

    def full(_done, _of):
        raise OSError(errno.ENOSPC, "no room for the second of them")

    with pytest.raises(NoSpace):
        restore(host.source, Wish("shop", existing="swap"), full)

    assert seen_in(host.home(SHOP)) == before


def test_a_full_disk_for_the_index_does_not_end_the_chain(host, catalog, monkeypatch):
    write(host, "App.js", "one")
    host.save()

    def full(*_):
        raise OSError(errno.ENOSPC, "no room for the index")

    with monkeypatch.context() as disk:
        disk.setattr("expokeep.worktree.index.Path.write_bytes", full)
        for text in ("two", "three"):
            write(host, "App.js", text)
            assert host.look().sealed is not None
    host.restart()
    write(host, "App.js", "four")
    host.look()

    shipped = host.ship()

    assert [one.version.parent for one in shipped] == [1, 2, 3]
    assert tree_of(catalog)[b"App.js"].digest == digest_of(b"four")


def test_a_delta_against_an_older_version_is_recorded_against_the_newest(
    catalog, store, tmp_path
):
    away = Away(catalog)
    with keeper(away, store, tmp_path) as host:
        host.home(SHOP).mkdir()
        write(host, "App.js", "one")
        write(host, "b", "b")
        host.save()
        (old,) = (host.top / "index").rglob("*.index")
        kept = old.read_bytes()
        write(host, "c", "c")
        host.save()
        # A loss of power takes the newest index, which is not synced, but no version.
        old.write_bytes(kept)
        host.restart()
        away.is_away = True
        write(host, "App.js", "two")
        (host.home(SHOP) / "c").unlink()
        host.look()
        away.is_away = False

        (shipped,) = host.ship()

        assert (shipped.version.seq, shipped.version.parent) == (3, 2)
        assert tree_of(catalog) == {
            **tree_of(catalog, 1),
            b"App.js": tree_of(catalog)[b"App.js"],
        }
        assert tree_digest(tree_of(catalog)) == shipped.version.tree


def test_a_part_that_is_restored_alone_does_not_become_the_project(host, catalog):
    write(host, "App.js")
    write(host, "package.json", "{}")
    write(host, "src/a.js")
    host.save()
    host.home(SHOP).rename(host.top / "gone")

    host.restore("shop", globs=(b"src",))
    host.look(believes_deletions=True)
    shipped = host.ship()

    assert [bool(one.version.parked) for one in shipped] == [True]
    assert catalog.resolve(VersionRef(SHOP)).seq == 1
    assert len(tree_of(catalog)) == 4


def test_a_time_beyond_all_calendars_keeps_no_session_from_being_kept(host, catalog):
    path = write(host, "App.js")
    os.utime(path, (15_000_000_000, 15_000_000_000))
    (host.home(SHOP) / "sub").mkdir()
    (host.home(SHOP) / "link").symlink_to("App.js")
    for name in ("sub", "link"):
        place = host.home(SHOP) / name
        os.utime(place, (15_000_000_000, 15_000_000_000), follow_symlinks=False)

    version = host.save()
    host.home(SHOP).rename(host.top / "gone")
    host.restore("shop")

    assert version.seq == 1
    assert host.save() is None


def test_the_pack_of_every_version_proves_its_tree(host, catalog):
    write(host, "a/b/c", "1")
    host.save()
    write(host, "a/b/c", "2")
    (host.home(SHOP) / "link").symlink_to("a/b/c")
    host.save()

    for seq in (1, 2):
        version = catalog.resolve(VersionRef(SHOP, Selector(seq=seq)))
        target = host.top / f"out-{seq}"
        host.restore(f"shop@{seq}", target)
        assert version.file_count == 1
    assert seen_in(host.top / "out-2") == seen_in(host.home(SHOP))


def test_what_was_restored_and_is_unchanged_is_still_that_version_after_a_restart(
    host, catalog
):
    write(host, "App.js", "one")
    host.save()
    write(host, "App.js", "two")
    host.save()
    shutil.rmtree(host.home(SHOP))
    host.restore(f"{SHOP}@1")
    host.look()
    host.restart()

    unchanged = host.look(trigger="save", believes_deletions=True)

    assert unchanged.sealed is None
    assert (unchanged.opened.tip_seq, unchanged.opened.base_seq) == (None, 1)
