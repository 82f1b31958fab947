"""Versions that are made of what is kept: nothing is uploaded but a list of files."""

import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from expokeep import clock
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.values import Held, Host, RootOwner
from expokeep.errors import (
    Busy,
    ExpokeepError,
    IntegrityError,
    NotFound,
    QuotaExceeded,
    UsageError,
)
from expokeep.fork.under_way import UnderWay
from expokeep.fork.values import SessionExists, Wish
from expokeep.model.names import SessionId
from expokeep.model.quota import QuotaRules
from expokeep.model.version import Origin, Selector, VersionRef
from expokeep.pack.format import BIG_FILE_BYTES
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.snapshot.ship import Withdrawn
from expokeep.store.memory import MemoryStore
from expokeep.watch.settle import Settler
from journeys import SHOP, keeper, seen_in
from retaining import Warden

COPY = SessionId("copy")


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def host(catalog, store, tmp_path):
    with keeper(catalog, store, tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


def write(host, name, text="text", session=SHOP):
    path = host.home(session) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def project(host):
    """Keep a project with all kinds of entries, and a file of its own pack."""
    write(host, "package.json", "{}")
    for number in range(9):
        write(host, f"src/{number}.js", f"one {number}")
    write(host, "assets/big.bin", "x" * (BIG_FILE_BYTES + 1))
    (host.home(SHOP) / "link").symlink_to("src/1.js")
    (host.home(SHOP) / "empty").mkdir()
    return host.save(owner="u1", project_name="The shop")


def shipping_of(host):
    return Shipping(
        host.spool, host.shipper, host.snapshotter, Turnstile(Settler(0, 0), str)
    )


def wish(**more):
    return {"session": COPY, "trigger": "fork", "origin": Origin(SHOP, 1), **more}


def execute(catalog, query, *values):
    with catalog.database.apart(answer_s=5) as connection:
        return connection.execute(query, values).rowcount


def drop_contents(catalog):
    """Lose everything that was ever stored, as a sweep would that went wrong."""
    execute(catalog, "DELETE FROM file_version")
    return execute(catalog, "DELETE FROM blob")


def test_a_fork_restores_byte_for_byte_and_uploads_no_contents(host, store, tmp_path):
    project(host)
    before = store.usage()
    made = host.fork(**wish(owner="u2", author="u2", message="a look"))
    after = store.usage()

    assert (made.seq, made.parent, made.trigger) == (1, None, "fork")
    assert (made.parked, made.origin, made.author) == (None, Origin(SHOP, 1), "u2")
    assert after.requests["PutObject"] - before.requests["PutObject"] == 1
    assert after.bytes_sent - before.bytes_sent < 3000  # of more than 8 MiB
    row = host.catalog.session(COPY)
    assert (row.owner, row.project_name, row.head_seq) == ("u2", "The shop", 1)
    host.restore("copy", tmp_path / "there")
    assert seen_in(tmp_path / "there") == seen_in(host.home(SHOP))


def test_what_goes_on_in_a_fork_goes_out_from_it(host):
    project(host)
    host.fork(**wish())
    host.restore("copy", host.home(COPY))

    assert host.save(COPY) is None
    write(host, "src/1.js", "two", COPY)
    edited = host.save(COPY)

    assert (edited.seq, edited.parent, edited.parked) == (2, 1, None)
    assert len(host.catalog.versions(SHOP)) == 1


def test_a_fork_outlives_its_source_and_a_sweep_between_its_steps(
    host, store, tmp_path
):
    project(host)
    before = seen_in(host.home(SHOP))
    warden = Warden(host.catalog, store, tmp_path / "warden", host.executor)

    def record(entry):
        # All that names the contents goes, while only an intent counts on them.
        warden.deletions.delete(SHOP)
        for _ in range(2):
            warden.collect()
        return host.shipper.ship(entry).version

    host.forker(record).fork(Wish(**wish()))
    for _ in range(2):
        warden.collect()

    with pytest.raises(NotFound):
        host.catalog.resolve(VersionRef(SHOP))
    host.restore("copy", tmp_path / "there")
    assert seen_in(tmp_path / "there") == before


def test_a_wish_is_fulfilled_once(host, store):
    project(host)
    meant = wish(pack=clock.uuid7())
    first = host.fork(**meant)
    puts = store.usage().requests["PutObject"]

    assert host.fork(**meant) == first
    assert store.usage().requests["PutObject"] == puts
    with pytest.raises(UsageError):
        host.fork(**{**meant, "session": SessionId("other")})


def test_one_that_comes_while_a_wish_is_fulfilled_is_turned_away(host):
    project(host)
    meant = wish(pack=clock.uuid7())

    with host.forks.alone(meant["session"], clock.uuid7()), pytest.raises(Busy):
        host.fork(**meant)
    with host.forks.alone(SHOP, meant["pack"]), pytest.raises(Busy):
        host.fork(**meant)

    assert host.fork(**meant).seq == 1


def test_a_wish_that_waits_in_the_spool_is_fulfilled_by_asking_again(host):
    project(host)
    meant = wish(pack=clock.uuid7())

    def away(entry):
        raise Busy("uploads are paused")

    with pytest.raises(Busy):
        host.forker(away).fork(Wish(**meant))
    host.restart()

    assert host.fork(**meant).seq == 1
    assert host.spool.pending(COPY) == []


def test_a_fork_that_waits_is_restored_here_all_the_same(host, tmp_path):
    project(host)

    def away(entry):
        raise Busy("uploads are paused")

    with pytest.raises(Busy):
        host.forker(away).fork(Wish(**wish()))
    host.restore("copy", tmp_path / "there")

    assert seen_in(tmp_path / "there") == seen_in(host.home(SHOP))


def test_who_has_no_room_for_a_fork_hears_it_and_nothing_is_left(host, store, tmp_path):
    project(host)
    rules = QuotaRules(max_builds=1)
    full = PostgresCatalog(host.catalog.database, quotas=rules)
    with keeper(full, store, tmp_path / "full") as here:
        shipping = shipping_of(here)

        def record(entry):
            shipping.handle(COPY)
            shipping.wait_recorded(entry.pack, COPY, 0, 0)
            pytest.fail("it says why it never becomes a version")

        with pytest.raises(QuotaExceeded):
            here.forker(record).fork(Wish(**wish(owner="u1")))
        assert here.spool.sessions() == []
    assert host.catalog.session(COPY) is None


def test_what_was_forgotten_is_not_forked_and_nothing_begins(host):
    project(host)

    for origin in (Origin(SHOP, 2), Origin(SessionId("sho"), 1)):
        with pytest.raises(NotFound):
            host.fork(**wish(origin=origin))
    assert host.catalog.session(COPY, deleted_too=True) is None


def test_what_is_damaged_is_not_forked_and_nothing_begins(host):
    project(host)
    execute(host.catalog, "UPDATE blob SET is_doubted = true WHERE size_bytes = 5")

    with pytest.raises(IntegrityError):
        host.fork(**wish())
    assert host.catalog.session(COPY) is None
    assert host.spool.pending(COPY) == []

    execute(host.catalog, "UPDATE blob SET is_doubted = false")
    assert host.fork(**wish()).parked is None
    assert host.catalog.session(COPY).head_seq == 1


def test_a_fork_whose_contents_go_is_thrown_away_and_leaves_nothing(host):
    project(host)
    shipping = shipping_of(host)

    def record(entry):
        assert drop_contents(host.catalog)
        shipping.handle(COPY)
        shipping.wait_recorded(entry.pack, COPY, 0, 0)
        pytest.fail("it says why it never becomes a version")

    with pytest.raises(Withdrawn):
        host.forker(record).fork(Wish(**wish()))
    assert host.spool.sessions() == []
    assert host.catalog.session(COPY) is None


def test_a_session_that_is_there_is_not_begun_again(host, catalog):
    project(host)
    other = SessionId("other")
    host.home(other).mkdir()
    write(host, "App.js", "1", other)
    host.save(other)
    for deleted in (False, True):
        if deleted:
            execute(
                catalog, "UPDATE session SET deleted_at = now() WHERE sid = 'other'"
            )
        with pytest.raises(SessionExists):
            host.fork(**wish(session=other))
    waits = SessionId("waits")
    host.home(waits).mkdir()
    write(host, "App.js", "1", waits)
    host.look(waits)
    with pytest.raises(SessionExists):
        host.fork(**wish(session=waits))
    assert len(catalog.versions(other)) == 1


def test_what_another_user_or_host_has_begun_is_not_taken_over(host, catalog):
    project(host)
    elsewhere = Host(uuid.uuid4(), "there")
    root = catalog.kept(catalog.resolve(VersionRef(SHOP))).root
    identity = Wish(**wish()).identity
    catalog.open_session(SessionId("a"), identity, root, elsewhere)
    catalog.open_session(SessionId("b"), identity, root, host.host, owner="u1")
    catalog.open_session(SessionId("c"), identity, root, host.host, owner="u2")

    for name in ("a", "b"):
        with pytest.raises(SessionExists):
            host.fork(**wish(session=SessionId(name), owner="u2"))
    assert host.fork(**wish(session=SessionId("c"), owner="u2")).seq == 1


def test_of_many_who_begin_a_session_at_once_one_does(host):
    project(host)
    origins = [Origin(SHOP, 1)]
    for number in range(3):
        write(host, "App.js", f"{number}")
        origins.append(Origin(SHOP, host.save().seq))

    def begin(origin):
        # Each as in a process of its own.
        forker = replace(host.forker(), under_way=UnderWay())
        try:
            return forker.fork(Wish(**wish(origin=origin)))
        except (SessionExists, Withdrawn):
            return None

    with ThreadPoolExecutor(4) as pool:
        made = [one for one in pool.map(begin, origins) if one is not None]

    assert len(made) == 1
    assert host.catalog.versions(COPY) == made


def test_to_go_back_is_a_version_after_the_head_and_nothing_parks_it(host):
    project(host)
    for number in range(9):
        (host.home(SHOP) / f"src/{number}.js").unlink()
    shutil.rmtree(host.home(SHOP) / "assets")
    write(host, "src/new.js", "new")
    host.save(is_forced=True)

    back = host.fork(session=SHOP, trigger="revert", origin=Origin(SHOP, 1))
    again = host.fork(session=SHOP, trigger="revert", origin=Origin(SHOP, 2))

    assert (back.seq, back.parent, back.parked) == (3, 2, None)
    assert (again.seq, again.parent, again.parked) == (4, 3, None)
    tree_of = [host.catalog.tree(one) for one in reversed(host.catalog.versions(SHOP))]
    assert (tree_of[2], tree_of[3]) == (tree_of[0], tree_of[1])
    row = host.catalog.session(SHOP)
    assert (row.head_seq, row.owner, row.parked_count) == (4, "u1", 0)


def test_after_going_back_a_directory_goes_on_from_there(host):
    project(host)
    write(host, "src/1.js", "two")
    host.save()
    host.fork(session=SHOP, trigger="revert", origin=Origin(SHOP, 1))
    host.restore("shop@3", host.home(SHOP), existing="swap")

    assert host.save() is None
    write(host, "src/2.js", "three")
    edited = host.save()

    assert (edited.seq, edited.parent, edited.parked) == (4, 3, None)
    assert (host.home(SHOP) / "src/1.js").read_text() == "one 1"


def test_an_edit_in_a_directory_that_did_not_go_back_loses_nothing(host):
    project(host)
    write(host, "src/1.js", "two")
    host.save()
    host.fork(session=SHOP, trigger="revert", origin=Origin(SHOP, 1))

    assert host.save() is None  # it is as it was; that must not undo anything
    assert host.catalog.session(SHOP).head_seq == 3
    write(host, "src/2.js", "three")
    edited = host.save()

    assert (edited.parent, host.catalog.session(SHOP).head_seq) == (2, 4)
    # What was gone back to is pinned: the head was replaced by what did not know it.
    pinned = execute(
        host.catalog, "UPDATE version SET pinned = true WHERE pinned AND seq = 3"
    )
    assert pinned == 1


def test_a_session_of_another_host_that_is_alive_goes_back_by_force_only(host, catalog):
    project(host)
    write(host, "src/1.js", "two")
    host.save()
    elsewhere = Host(uuid.uuid4(), "there")
    catalog.heartbeat(elsewhere, lease_s=600)
    catalog.take(SHOP, elsewhere, force=True)
    meant = {"session": SHOP, "trigger": "revert", "origin": Origin(SHOP, 1)}

    with pytest.raises(Held):
        host.fork(**meant)
    assert len(catalog.versions(SHOP)) == 2
    assert host.fork(**meant, force=True).parked is None


def test_nothing_goes_back_while_snapshots_wait(host):
    project(host)
    write(host, "src/1.js", "two")
    host.look()

    with pytest.raises(Busy):
        host.fork(session=SHOP, trigger="revert", origin=Origin(SHOP, 1))
    assert len(host.spool.pending(SHOP)) == 1


def test_a_tree_is_enough_where_its_contents_are_kept(host):
    project(host)
    version = host.catalog.resolve(VersionRef(SHOP, Selector(seq=1)))
    tree = host.catalog.tree(version)
    part = {path: one for path, one in tree.items() if path.startswith(b"src")}
    root = RootOwner(1, 2, 0o750)
    made = host.fork(session=COPY, trigger="import", tree=part, root=root)

    assert host.catalog.kept(made).root == root
    assert host.catalog.tree(made) == part
    unknown = replace(part[b"src/1.js"], digest=bytes(32))
    for wrong in ({}, {"tree": {b"a": unknown}, "root": root}):
        with pytest.raises((ValueError, ExpokeepError)):
            host.fork(session=SessionId("other"), trigger="import", **wrong)
