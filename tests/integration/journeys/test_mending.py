"""What a snapshot that waits counted on is gone: it is recorded all the same."""

import os
import shutil

import psycopg
import pytest

from expokeep.catalog.values import ReuseGone
from expokeep.errors import NoSpace
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.version import Selector, VersionRef
from expokeep.pack.key import parse_pack_key
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.snapshot.judging import UNPROVED, ChainLost
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


@pytest.fixture
def direct(catalog_url):
    """A connection past the catalog: does what a sweep or a lost backup would."""
    info = psycopg.conninfo.make_conninfo(catalog_url, options="-csearch_path=expokeep")
    with psycopg.connect(info, autocommit=True) as connection:
        yield connection


def write(host, name, contents="text"):
    path = host.home(SHOP) / name
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return path


def keys(store):
    return {one.key for one in store.list("")}


def assert_restores(host, ref, expected):
    back = host.top / f"back-{len(list(host.top.glob('back-*')))}"
    host.restore(ref, back)
    assert seen_in(back) == expected


def doom(direct):
    direct.execute(
        "UPDATE pack SET state = 'doomed', reuses = '{}' WHERE state = 'uploading'"
    )


# --- an intent that was doomed ---------------------------------------------------


@pytest.mark.parametrize("is_known", [True, False], ids=["at once", "after a restart"])
@pytest.mark.parametrize("is_swept", [True, False], ids=["row gone", "row doomed"])
def test_a_pack_whose_intent_was_doomed_goes_up_again_under_a_new_key(
    host, store, direct, is_known, is_swept
):
    write(host, "App.js")
    write(host, "movie.bin", os.urandom(9_000_000))
    sealed = host.look().sealed
    before = {pack.key for pack in sealed.entry.note.packs}
    doom(direct)
    if is_swept:
        direct.execute("DELETE FROM pack")

    if is_known:
        version = host.shipper.ship(sealed.entry, sealed).version
    else:
        host.restart()
        version = host.ship()[0].version

    rows = direct.execute("SELECT id, key FROM pack WHERE state = 'live'").fetchall()
    live = {key for _, key in rows}
    assert (version.seq, version.parked) == (1, None)
    assert {pack.id for pack in sealed.entry.note.packs} == {row[0] for row in rows}
    assert live.isdisjoint(before)
    assert live <= keys(store)
    assert all(parse_pack_key(key).session == SHOP for key in live)
    doomed = direct.execute("SELECT key FROM pack WHERE state = 'doomed'").fetchall()
    assert {key for (key,) in doomed} == (set() if is_swept else before)
    assert_restores(host, "shop", seen_in(host.home(SHOP)))


def test_a_snapshot_that_was_never_begun_keeps_its_key(host, store, monkeypatch):
    write(host, "App.js")
    with monkeypatch.context() as away:
        away.setattr(host.catalog, "begin", unreachable)
        sealed = host.look().sealed

    host.shipper.ship(sealed.entry, sealed)

    assert sealed.standing is None
    assert keys(store) == {pack.key for pack in sealed.entry.note.packs}


def unreachable(*_):
    raise ReuseGone({digest_of(b"any error will do")})


def test_a_full_disk_keeps_nothing_from_being_shipped(host, direct, monkeypatch):
    write(host, "App.js")
    host.look()
    direct.execute("DELETE FROM pack")
    host.restart()

    def full(*_):
        raise NoSpace("no room for another note")

    monkeypatch.setattr(host.spool, "amend", full)

    assert host.ship()[0].version.seq == 1


def test_a_version_whose_answer_was_lost_is_not_uploaded_again(host, store, direct):
    write(host, "App.js")
    sealed = host.look().sealed
    copy = host.top / "copy"
    shutil.copytree(sealed.entry.directory, copy)
    version = host.shipper.ship(sealed.entry, sealed).version
    # Its pack was merged with others and swept before the host came back.
    store.delete(sorted(keys(store)))
    direct.execute("UPDATE pack SET state = 'doomed'")
    shutil.copytree(copy, sealed.entry.directory)
    host.restart()

    (again,) = host.ship()

    assert again.version == version
    assert keys(store) == set()
    assert host.spool.pending(SHOP) == []


# --- contents that were swept ----------------------------------------------------


OTHER = SessionId("other")


def sweep_contents(direct):
    """Take contents away as no sweep would: somebody counts on them."""
    direct.execute(
        "DELETE FROM file_version USING session"
        " WHERE session.id = file_version.session AND session.sid = %s",
        [OTHER],
    )
    direct.execute(
        "DELETE FROM blob WHERE NOT EXISTS"
        " (SELECT FROM file_version WHERE file_version.blob = blob.id)"
    )


@pytest.fixture
def counting(host):
    """A snapshot that waits, and only names contents that another session stored."""
    write(host, "App.js", "one")
    host.save()
    host.home(OTHER).mkdir()
    write(host, "shared.js", "shared")
    write(host, "shared.bin", os.urandom(9_000_000))
    for name in ("shared.js", "shared.bin"):
        shutil.copy(host.home(SHOP) / name, host.home(OTHER))
    host.save(OTHER)
    shutil.rmtree(host.home(OTHER))
    sealed = host.look().sealed
    assert len(sealed.entry.note.reused) == 2
    return sealed


@pytest.mark.parametrize("is_restarted", [False, True])
def test_contents_that_were_swept_are_taken_from_the_directory_again(
    host, direct, counting, is_restarted
):
    sweep_contents(direct)
    if is_restarted:
        host.restart()
        host.look()  # as every start does: it tells where the directory is
        (shipped,) = host.ship()
    else:
        shipped = host.shipper.ship(counting.entry, counting)

    assert shipped.version.seq == 2
    assert_restores(host, "shop", seen_in(host.home(SHOP)))


def test_contents_that_are_in_no_directory_are_taken_from_the_spool(
    host, direct, counting
):
    # The same contents are sealed once more, in a snapshot of another directory.
    other = host.top / "expo-shop-restored-0"
    shutil.copytree(host.home(SHOP), other)
    before = seen_in(host.home(SHOP))
    sweep_contents(direct)
    host.look(directory=other)
    shutil.rmtree(other)
    for name in ("shared.js", "shared.bin"):
        (host.home(SHOP) / name).unlink()

    shipped = host.shipper.ship(counting.entry, counting)

    assert shipped.version.seq == 2
    assert_restores(host, "shop@2", before)


def test_contents_that_are_nowhere_keep_the_snapshot_in_the_spool(
    host, direct, counting
):
    sweep_contents(direct)
    write(host, "shared.js", "other!")
    before = sorted(counting.entry.directory.iterdir())

    with pytest.raises(ReuseGone, match="1 contents"):
        host.shipper.ship(counting.entry, counting)

    assert host.spool.pending(SHOP) == [counting.entry]
    assert sorted(counting.entry.directory.iterdir()) == before


# --- a chain whose end is lost ---------------------------------------------------


TABLES = ("version", "file_version", "session", "epoch")


def forget_versions(direct):
    """Be a Postgres that was restored from a backup of an hour ago."""
    for table in TABLES:
        direct.execute(f"CREATE TABLE then_{table} AS SELECT * FROM {table}")
    direct.execute("UPDATE session SET head_seq = NULL, last_seq = 0")
    direct.execute("UPDATE epoch SET tip_seq = NULL, tip_pack = NULL")
    for table in TABLES[:2]:
        direct.execute(f"DELETE FROM {table}")


def find_versions(direct):
    """Be a Postgres that has caught up with the bucket."""
    for table in TABLES[:2]:
        direct.execute(f"INSERT INTO {table} SELECT * FROM then_{table}")
    direct.execute(
        "UPDATE session SET head_seq = its.head_seq, last_seq = its.last_seq"
        " FROM then_session AS its WHERE its.id = session.id"
    )
    direct.execute(
        "UPDATE epoch SET tip_seq = its.tip_seq, tip_pack = its.tip_pack"
        " FROM then_epoch AS its WHERE its.number = epoch.number"
    )


def shipping_of(host):
    waiting = Turnstile(Settler(0.0, 0.0), lambda session: session)
    return Shipping(host.spool, host.shipper, host.snapshotter, waiting)


@pytest.fixture
def lost(host, direct):
    """Two snapshots that wait, the first of which follows a version that is lost."""
    write(host, "App.js", "one")
    write(host, "other.js", "one")
    host.save()
    write(host, "App.js", "two")
    first = host.look().sealed
    write(host, "other.js", "three")
    second = host.look().sealed
    forget_versions(direct)
    host.restart()
    return first, second


def test_what_follows_a_lost_version_is_recorded_if_its_whole_tree_is_known(
    host, catalog, lost
):
    first, second = lost
    shipping = shipping_of(host)

    shipping.handle(SHOP)

    # The index knows the newest tree; how the one before it was, nothing tells.
    (version,) = catalog.versions(SHOP)
    assert (version.pack, version.parent) == (second.entry.pack, None)
    assert [one.pack for one in host.spool.pending(SHOP)] == [first.entry.pack]
    assert isinstance(shipping.error_of(SHOP), ChainLost)
    assert shipping.is_stuck()
    assert_restores(host, "shop", seen_in(host.home(SHOP)))


def test_what_was_stranded_is_recorded_once_its_parent_is_found_again(
    host, catalog, direct, lost
):
    for index in (host.top / "index").rglob("*.index"):
        index.unlink()
    shipping = shipping_of(host)
    shipping.handle(SHOP)
    stranded = [one.pack for one in host.spool.pending(SHOP)]
    find_versions(direct)

    shipping.handle(SHOP)

    versions = catalog.versions(SHOP)[::-1]
    assert stranded == [one.entry.pack for one in lost]
    assert [(one.seq, one.parent) for one in versions] == [(1, None), (2, 1), (3, 2)]
    assert shipping.error_of(SHOP) is None
    assert_restores(host, "shop", seen_in(host.home(SHOP)))


def test_a_version_whose_tree_cannot_be_proved_is_not_head(host, catalog, direct):
    for number in range(11):
        write(host, f"{number}.js", f"{number}")
    host.save()
    for number in range(1, 10):
        (host.home(SHOP) / f"{number}.js").unlink()
    parked = host.save()
    write(host, "0.js", "edited")
    sealed = host.look().sealed
    for index in (host.top / "index").rglob("*.index"):
        index.unlink()
    direct.execute("UPDATE file_version SET mode = 0 WHERE valid_to IS NULL")

    shipped = host.shipper.ship(sealed.entry, sealed)

    assert parked.parked
    assert shipped.version.parked == UNPROVED
    assert catalog.resolve(VersionRef(SHOP, Selector())).seq == 1
