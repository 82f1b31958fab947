"""Who holds a session, which life of it a directory is, and what lists show."""

import datetime
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from cataloging import HOST, NOON, OTHER_HOST, ROOT, SHOP, Scribe, a_file
from expokeep.catalog.values import Held, Holder, Host, RootIdentity, RootOwner
from expokeep.errors import NotFound
from expokeep.model.names import SessionId
from expokeep.model.version import VersionRef

TREE = {b"a": a_file(b"a")}


@pytest.fixture
def scribe(catalog):
    return Scribe(catalog)


@pytest.fixture
def rival(catalog):
    """Keeps the same session on another host."""
    return Scribe(catalog, host=OTHER_HOST, inode=2)


def test_a_new_session_stands_at_nothing(scribe):
    opened = scribe.open(owner="ann")

    assert (opened.fence, opened.last_seq, opened.epoch) == (1, 0, 1)
    assert (opened.tip_seq, opened.tip_pack, opened.head_seq) == (None, None, None)
    assert opened.owner == "ann"
    assert opened.root == ROOT


def test_opening_again_changes_nothing(scribe):
    assert scribe.open() == scribe.open()


def test_the_first_owner_stays(scribe):
    scribe.open()
    scribe.open(owner="ann")

    assert scribe.open(owner="bob").owner == "ann"


def test_a_session_belongs_to_the_uid_that_it_was_first_seen_with(catalog, scribe):
    scribe.open()

    again = catalog.open_session(SHOP, scribe.identity, RootOwner(0, 0, 0o777), HOST)

    assert again.root == ROOT


def test_an_inode_may_need_all_of_its_64_bits(catalog):
    identity = RootIdentity(device=2**64 - 1, inode=2**64 - 2, birth_ns=0)

    opened = catalog.open_session(SHOP, identity, ROOT, HOST)

    assert catalog.open_session(SHOP, identity, ROOT, HOST) == opened


def test_another_directory_is_another_epoch(scribe):
    scribe.record(TREE)

    scribe.inode = 9
    second = scribe.open()

    assert (second.epoch, second.tip_seq, second.base_seq) == (2, None, None)
    assert (second.head_seq, second.head_epoch, second.last_seq) == (1, 1, 1)
    assert second.fence == 1


def test_epochs_have_chains_of_their_own(catalog, scribe):
    scribe.record(TREE)
    other = Scribe(catalog, inode=2)
    other.record({b"b": a_file(b"b")})

    third = scribe.record({})

    assert (third.seq, third.parent, third.epoch) == (3, 1, 1)
    assert other.open().tip_seq == 2


def test_a_session_that_another_host_holds_is_opened_beside(scribe, rival):
    before = scribe.open()

    beside = rival.open()

    assert beside.holder == Holder(HOST.id, "one", alive=True)
    assert (before.is_ours, beside.is_ours) == (True, False)
    assert (beside.fence, beside.epoch, beside.was_ours) == (1, 2, False)
    assert scribe.open() == before


def test_opening_takes_nothing_from_a_host_that_is_dead(catalog, scribe, rival):
    scribe.open()
    catalog.heartbeat(HOST, lease_s=0)

    beside = rival.open()

    assert beside.holder == Holder(HOST.id, "one", alive=False)
    assert beside.fence == 1


def test_a_host_that_is_alive_is_only_taken_from_by_force(catalog, scribe, rival):
    scribe.open()

    with pytest.raises(Held, match="one") as refused:
        catalog.take(SHOP, OTHER_HOST)
    before = rival.open()
    catalog.take(SHOP, OTHER_HOST, force=True)

    assert "--force" in refused.value.hint
    assert (before.fence, rival.open().fence) == (1, 2)
    assert rival.open().is_ours


def test_a_session_is_taken_over_when_the_lease_has_run_out(catalog, scribe, rival):
    scribe.record(TREE)
    catalog.heartbeat(HOST, lease_s=0)

    catalog.take(SHOP, OTHER_HOST)

    assert rival.open().fence == 2
    left = scribe.open()
    assert left.holder == Holder(OTHER_HOST.id, "two", alive=True)
    assert (left.is_ours, left.was_ours) == (False, True)


def test_the_fence_counts_every_change_of_the_host(catalog, scribe, rival):
    fences = [scribe.open().fence]
    catalog.heartbeat(HOST, lease_s=0)
    catalog.take(SHOP, OTHER_HOST)
    fences.append(rival.open().fence)
    catalog.take(SHOP, OTHER_HOST)
    catalog.heartbeat(OTHER_HOST, lease_s=0)
    catalog.take(SHOP, HOST)
    fences.append(scribe.open().fence)

    assert fences == [1, 2, 3]


def test_of_two_hosts_that_take_a_dead_one_s_session_at_once_one_gets_it(
    catalog, scribe
):
    scribe.open()
    catalog.heartbeat(HOST, lease_s=0)
    hosts = [Host(uuid.UUID(int=10 + number), f"h{number}") for number in range(6)]
    together = threading.Barrier(len(hosts))

    def take(host):
        together.wait(10)
        try:
            catalog.take(SHOP, host)
        except Held:
            return False
        return True

    with ThreadPoolExecutor(len(hosts)) as pool:
        taken = list(pool.map(take, hosts))

    assert taken.count(True) == 1
    assert scribe.open().holder.id == hosts[taken.index(True)].id
    assert scribe.open().fence == 2


def test_a_heartbeat_keeps_the_session(catalog, scribe):
    catalog.heartbeat(HOST, lease_s=0)
    scribe.open()
    catalog.heartbeat(HOST, lease_s=60)

    with pytest.raises(Held):
        catalog.take(SHOP, OTHER_HOST)


def test_to_take_what_nobody_knows_does_nothing(catalog):
    catalog.take(SHOP, HOST)

    assert catalog.sessions() == []


def test_a_session_that_lost_its_host_is_nobody_s_until_it_is_taken(
    catalog, catalog_url, scribe
):
    """A rebuild knows the versions, and not who held the session."""
    scribe.record(TREE)
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE expokeep.session SET host = NULL")

    before = scribe.open()
    catalog.take(SHOP, HOST)

    assert before.holder is None
    assert scribe.open().is_ours


def test_a_host_whose_own_lease_ran_out_still_has_its_session(catalog, scribe):
    before = scribe.open()
    catalog.heartbeat(HOST, lease_s=0)

    assert scribe.open() == before


def test_a_restored_directory_goes_out_from_its_version(catalog, scribe):
    first = scribe.record(TREE)
    scribe.record({})
    restored = Scribe(catalog, inode=2)
    catalog.register_restored(SHOP, restored.identity, HOST, seq=first.seq)

    opened = restored.open()
    third = restored.record(TREE)

    assert (opened.epoch, opened.base_seq, opened.tip_pack) == (2, 1, None)
    assert third.parent == first.seq
    assert restored.open().base_seq == first.seq


def test_a_chain_that_has_begun_keeps_its_parent(catalog, scribe):
    scribe.record(TREE)

    catalog.register_restored(SHOP, scribe.identity, HOST, seq=1)

    assert scribe.open().base_seq is None


def test_a_restore_is_refused_while_another_host_holds_the_session(
    catalog, scribe, rival
):
    scribe.record(TREE)

    with pytest.raises(Held):
        catalog.register_restored(SHOP, rival.identity, OTHER_HOST, seq=1)

    assert scribe.open().is_ours
    assert rival.open().base_seq is None


@pytest.mark.parametrize("force", [False, True])
def test_a_restore_takes_the_session_over(catalog, scribe, rival, force):
    scribe.record(TREE)
    if not force:
        catalog.heartbeat(HOST, lease_s=0)

    catalog.register_restored(SHOP, rival.identity, OTHER_HOST, seq=1, force=force)

    there = rival.open()
    assert (there.is_ours, there.fence, there.base_seq) == (True, 2, 1)
    assert not scribe.open().is_ours


def test_a_restore_by_the_host_that_holds_the_session_leaves_the_fence(catalog, scribe):
    scribe.record(TREE)

    catalog.register_restored(SHOP, Scribe(catalog, inode=2).identity, HOST, seq=1)

    assert scribe.open().fence == 1


def test_restoring_what_nobody_knows_is_an_error(catalog, scribe):
    Scribe(catalog, SessionId("shop-2")).open()

    with pytest.raises(NotFound):
        catalog.register_restored(SHOP, scribe.identity, HOST, seq=1)


def test_sessions_are_listed_by_their_use(catalog):
    for name, owner in (("a", "ann"), ("b", "bob"), ("c", "ann")):
        scribe = Scribe(catalog, SessionId(name))
        scribe.open(owner=owner)
        scribe.record(TREE)
    catalog.touch(SessionId("b"), at=catalog.server_time())

    rows = catalog.sessions()

    assert rows[0].session == "b"
    assert {row.session for row in catalog.sessions(owner="ann")} == {"a", "c"}
    assert len(catalog.sessions(limit=2)) == 2


def test_a_row_tells_what_the_head_is(catalog, scribe):
    version = scribe.record(TREE, project_name="Shop")

    (row,) = catalog.sessions()

    assert (row.session, row.owner, row.project_name) == ("shop", None, "Shop")
    assert (row.host, row.last_seq, row.head_seq) == ("one", 1, 1)
    assert (row.host_id, row.host_is_alive) == (HOST.id, True)
    assert (row.file_count, row.size_bytes, row.parked_count) == (1, 1, 0)
    assert row.saved_at == version.taken_at


def test_a_session_without_versions_is_listed_empty(catalog, scribe):
    scribe.open()

    (row,) = catalog.sessions()

    assert (row.head_seq, row.saved_at, row.file_count) == (None, None, 0)


def test_a_prefix_is_no_pattern(catalog):
    for name in ("a-1", "a-2", "b-1", "a"):
        Scribe(catalog, SessionId(name)).open()

    assert len(catalog.sessions(prefix="a-")) == 2
    assert catalog.sessions(prefix="%") == []
    assert catalog.sessions(prefix="_-1") == []


def test_a_person_describes_a_session(catalog, scribe):
    scribe.open()

    catalog.describe(SHOP, owner="ann")
    catalog.describe(SHOP, project_name="Shop")

    assert (scribe.open().owner, scribe.open().project_name) == ("ann", "Shop")


def test_nobody_describes_or_touches_what_is_not_there(catalog):
    with pytest.raises(NotFound):
        catalog.describe(SHOP, owner="ann")
    with pytest.raises(NotFound):
        catalog.touch(SHOP, at=NOON)


def test_use_never_moves_back(catalog, scribe):
    scribe.open()
    before = catalog.sessions()[0].accessed_at

    catalog.touch(SHOP, at=before - datetime.timedelta(days=400))

    assert catalog.sessions()[0].accessed_at == before


def test_a_clock_that_is_ahead_by_years_does_not_keep_a_session_for_ever(
    catalog, scribe
):
    scribe.open()

    catalog.touch(SHOP, at=NOON.replace(year=2400))

    assert catalog.sessions()[0].accessed_at <= catalog.server_time()


def test_postgres_tells_its_time(catalog):
    assert catalog.server_time().tzinfo is not None


def test_a_deleted_row_of_a_version_is_not_found(catalog, scribe):
    version = scribe.record(TREE)

    with pytest.raises(NotFound):
        catalog.tree(replace(version, seq=2))
    with pytest.raises(NotFound):
        catalog.kept(replace(version, seq=2))
    assert catalog.resolve(VersionRef(SHOP)) == version


def test_what_was_begun_in_vain_is_hidden_and_comes_back_with_a_version(catalog):
    scribe = Scribe(catalog, inode=0)
    scribe.open()
    catalog.abandon(SHOP)
    assert catalog.session(SHOP) is None

    scribe.record(TREE)
    assert catalog.session(SHOP).head_seq == 1
    catalog.abandon(SHOP)
    assert catalog.session(SHOP) is not None


def test_a_directory_that_came_meanwhile_goes_on_after_all(catalog, scribe):
    opened = scribe.open()
    catalog.abandon(SHOP)

    assert scribe.open().epoch == opened.epoch
    scribe.record(TREE)
    assert catalog.session(SHOP).head_seq == 1
