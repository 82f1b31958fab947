"""The commit: all of a version or nothing, once, and by who has the right."""

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from cataloging import (
    HOST,
    NOON,
    OTHER_HOST,
    ROOT,
    Scribe,
    a_file,
    a_pack,
    place_of,
)
from expokeep.catalog.connection import Database, Limits
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.values import (
    BaseMoved,
    Fenced,
    PackGone,
    ReuseGone,
    RootOwner,
    SeqTaken,
    Trace,
)
from expokeep.clock import monotonic_s
from expokeep.errors import BackendUnreachable
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import Delta, Directory, Link
from expokeep.model.version import Selector, VersionRef

TREE = {
    b"src": Directory(),
    b"src/App.js": a_file(b"app"),
    b"logo.png": a_file(b"logo", 0o755),
    b"link": Link(b"src/App.js"),
}
SHOP = VersionRef(SessionId("shop"))


@pytest.fixture
def scribe(catalog):
    return Scribe(catalog)


@pytest.fixture
def direct(catalog_url):
    """A connection past the catalog, to change what only a sweep would."""
    info = psycopg.conninfo.make_conninfo(catalog_url, options="-csearch_path=expokeep")
    with psycopg.connect(info, autocommit=True) as connection:
        yield connection


def test_what_was_committed_can_be_read(scribe, catalog):
    new = scribe.draft(TREE, message="first light", author="ann", parked="odd")

    version = catalog.commit(new)

    assert (version.seq, version.epoch, version.parent) == (1, 1, None)
    assert (version.message, version.author, version.parked) == (
        "first light",
        "ann",
        "odd",
    )
    assert catalog.resolve(SHOP) == version
    kept = catalog.kept(version)
    assert kept.version == version
    assert kept.tree == TREE
    assert kept.root == ROOT
    assert kept.places == {place.digest: place for place in new.places}


def test_a_version_of_very_many_files_has_more_time(catalog, catalog_url, direct):
    direct.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$"
    )
    direct.execute(
        "CREATE TRIGGER slow AFTER INSERT ON version FOR EACH STATEMENT"
        " EXECUTE FUNCTION slow()"
    )
    limits = Limits(answer_s=0.5, attempts=1)
    hasty = PostgresCatalog(Database(catalog_url, limits=limits))
    few = {b"%d" % number: Link(b"App.js") for number in range(10)}
    many = {b"%d" % number: Link(b"App.js") for number in range(20_000)}

    with pytest.raises(BackendUnreachable):
        hasty.commit(Scribe(catalog, session="few").draft(few))
    version = hasty.commit(Scribe(catalog, session="many").draft(many))
    hasty.close()

    assert len(catalog.kept(version).tree) == 20_000


def test_times_and_modes_come_back(scribe, catalog):
    tree = {
        b"a": replace(a_file(b"a", 0o600), mtime_ns=1_700_000_000_123_456_789),
        b"b": Directory(0o700, mtime_ns=-5),
        b"c": Link(b"\xff", mtime_ns=7),
    }

    back = catalog.tree(scribe.record(tree))

    assert [back[name].mtime_ns for name in sorted(back)] == [
        1_700_000_000_123_456_789,
        -5,
        7,
    ]
    assert back == tree


def test_a_commit_may_be_repeated(scribe, catalog):
    new = scribe.draft(TREE)

    first = catalog.commit(new)
    second = catalog.commit(new)

    assert first == second
    assert catalog.versions(scribe.session) == [first]


def test_a_commit_may_be_repeated_after_later_ones(scribe, catalog):
    new = scribe.draft(TREE)
    first = catalog.commit(new)
    scribe.tree = TREE
    scribe.record({})

    assert catalog.commit(new) == first
    assert scribe.open().last_seq == 2


def test_a_chain_grows_by_deltas(scribe, catalog):
    edited = {**TREE, b"src/App.js": a_file(b"app 2")}
    del edited[b"link"]
    first = scribe.record(TREE)

    second = scribe.record(edited)

    assert second.parent == first.seq
    assert catalog.tree(first) == TREE
    assert catalog.tree(second) == edited


def test_one_number_is_given_once(scribe, catalog):
    ours, theirs = scribe.draft(TREE), scribe.draft({})
    catalog.commit(theirs)

    with pytest.raises(SeqTaken) as caught:
        catalog.commit(ours)

    assert caught.value.last_seq == 1
    assert len(catalog.versions(scribe.session)) == 1


def test_a_number_cannot_be_left_out(scribe, catalog):
    new = scribe.draft(TREE)

    with pytest.raises(SeqTaken):
        catalog.commit(replace(new, seq=3))


def test_a_delta_goes_out_from_the_end_of_its_chain(scribe, catalog):
    scribe.record(TREE)
    stale = scribe.draft({})
    scribe.record({**TREE, b"new": a_file(b"new")})

    with pytest.raises(BaseMoved):
        catalog.commit(replace(stale, seq=3))


def test_a_chain_begins_once(scribe, catalog):
    scribe.record(TREE)
    again = scribe.draft(TREE)

    with pytest.raises(BaseMoved):
        catalog.commit(replace(again, parent_pack=None))


def test_a_host_that_lost_the_session_cannot_commit(scribe, catalog):
    new = scribe.draft(TREE)
    catalog.take(scribe.session, OTHER_HOST, force=True)

    with pytest.raises(Fenced, match="two"):
        catalog.commit(new)
    assert catalog.versions(scribe.session) == []


def test_a_host_that_lost_the_session_keeps_its_work_beside(scribe, catalog):
    first = scribe.record(TREE, project_name="Shop")
    catalog.take(scribe.session, OTHER_HOST, force=True)

    late = scribe.record(
        {}, moves_head=False, parked="late", project_name="Late", fence=1
    )

    assert (late.seq, late.parent) == (2, 1)
    assert catalog.resolve(SHOP) == first
    assert catalog.sessions()[0].project_name == "Shop"


def test_a_host_that_never_held_the_session_keeps_its_work_beside(scribe, catalog):
    first = scribe.record(TREE)
    other = Scribe(catalog, host=OTHER_HOST, inode=2)

    beside = other.record({b"b": a_file(b"b")}, moves_head=False, parked="beside")

    assert (beside.seq, beside.epoch, beside.parent) == (2, 2, None)
    assert catalog.resolve(SHOP) == first
    assert scribe.open().is_ours
    assert scribe.open().fence == 1


def test_an_intent_names_its_host(scribe, direct):
    scribe.draft(TREE)

    assert direct.execute("SELECT host FROM pack").fetchall() == [(HOST.id,)]


def test_a_doomed_pack_comes_back_under_another_key(scribe, catalog, direct):
    new = scribe.draft(TREE)
    direct.execute("UPDATE pack SET state = 'doomed', reuses = '{}'")
    fresh = replace(new.packs[0], key=new.packs[0].key.replace("-0-", "-0-again-"))

    catalog.begin(scribe.open(), [fresh], [])
    version = catalog.commit(replace(new, packs=(fresh,)))

    assert catalog.kept(version).tree == TREE
    rows = direct.execute("SELECT id, key, state FROM pack ORDER BY state").fetchall()
    assert [(key, state) for _, key, state in rows] == [
        (new.packs[0].key, "doomed"),
        (fresh.key, "live"),
    ]
    assert rows[0][0] != rows[1][0] == version.pack


def test_a_doomed_pack_does_not_come_back_under_its_own_key(scribe, catalog, direct):
    new = scribe.draft(TREE)
    direct.execute("UPDATE pack SET state = 'doomed', reuses = '{}'")

    catalog.begin(scribe.open(), new.packs, [])

    with pytest.raises(PackGone):
        catalog.commit(new)


def test_packs_leave_a_trace(scribe, catalog):
    begun = scribe.draft(TREE).packs[0]
    unknown = a_pack("shop")

    before = catalog.trace([begun.id, unknown.id])
    version = scribe.record(TREE)
    after = catalog.trace([version.pack])

    assert before == Trace(None, {begun.id: "uploading"})
    assert after == Trace(version, {version.pack: "live"})


def test_nothing_can_be_begun_for_a_session_that_is_gone(scribe, catalog, direct):
    opened = scribe.open()
    direct.execute("TRUNCATE session CASCADE")

    with pytest.raises(BaseMoved):
        catalog.begin(opened, [a_pack("shop")], [])


def test_a_doomed_intent_is_not_committed(scribe, catalog, direct):
    new = scribe.draft(TREE)
    direct.execute("UPDATE pack SET state = 'doomed'")

    with pytest.raises(PackGone):
        catalog.commit(new)


def test_an_intent_that_is_gone_is_not_committed(scribe, catalog, direct):
    new = scribe.draft(TREE)
    direct.execute("DELETE FROM pack")

    with pytest.raises(PackGone):
        catalog.commit(new)


def test_nothing_is_written_when_reused_contents_are_gone(scribe, catalog, direct):
    scribe.record(TREE)
    edited = {**TREE, b"copy.png": TREE[b"logo.png"]}
    new = scribe.draft(edited)
    assert new.reused == {TREE[b"logo.png"].digest}
    direct.execute("TRUNCATE file_version; DELETE FROM blob")

    with pytest.raises(ReuseGone):
        catalog.commit(new)

    assert scribe.open().last_seq == 1


def test_contents_that_nobody_named_are_refused(scribe, catalog):
    new = scribe.draft(TREE)

    with pytest.raises(ReuseGone):
        catalog.commit(replace(new, places=()))


def test_reuse_brings_a_retired_pack_back(scribe, catalog, direct):
    first = scribe.record(TREE)
    direct.execute("UPDATE pack SET state = 'retired'")

    scribe.record({**TREE, b"copy.png": TREE[b"logo.png"]})

    states = direct.execute("SELECT DISTINCT state FROM pack").fetchall()
    assert states == [("live",)]
    assert first.pack is not None


def test_an_intent_keeps_what_it_counts_on_until_its_commit(scribe, catalog, direct):
    scribe.record(TREE)
    new = scribe.draft({**TREE, b"copy.png": TREE[b"logo.png"]})
    read = "SELECT reuses FROM pack WHERE id = %s"
    before = direct.execute(read, [new.packs[0].id]).fetchone()

    catalog.commit(new)

    after = direct.execute(read, [new.packs[0].id]).fetchone()
    assert before == ([TREE[b"logo.png"].digest],)
    assert after == ([],)


def test_nothing_goes_between_its_being_found_and_the_intent(
    scribe, catalog, catalog_url, direct
):
    scribe.record(TREE)
    opened, pack = scribe.open(), a_pack("shop")
    logo = TREE[b"logo.png"].digest

    with ThreadPoolExecutor(1) as pool, psycopg.connect(catalog_url) as rival:
        rival.execute(
            "INSERT INTO expokeep.pack (id, scope, session, key, kind, level,"
            " size_bytes, state) SELECT %s, scope, id, 'x', 'incr', 0, 0, 'uploading'"
            " FROM expokeep.session",
            [pack.id],
        )
        begun = pool.submit(catalog.begin, opened, [pack], [logo])
        wait_until_blocked(direct, 1)
        free = direct.execute("SELECT digest FROM blob FOR UPDATE SKIP LOCKED")
        rival.rollback()

        assert free.fetchall() == [(TREE[b"src/App.js"].digest,)]
        assert begun.result(20) == {logo}


def test_begin_may_be_called_again_for_more(scribe, catalog, direct):
    scribe.record(TREE)
    opened, pack = scribe.open(), a_pack("shop")
    app, logo = TREE[b"src/App.js"].digest, TREE[b"logo.png"].digest

    known = [
        catalog.begin(opened, [pack], [app, digest_of(b"never seen")]),
        catalog.begin(opened, [pack], [logo]),
        catalog.begin(opened, [pack], [logo]),
        catalog.begin(opened, [pack], []),
    ]

    assert known == [{app}, {logo}, {logo}, set()]
    row = direct.execute("SELECT reuses FROM pack WHERE id = %s", [pack.id]).fetchone()
    assert sorted(row[0]) == sorted([app, logo])


def test_begin_after_the_commit_changes_nothing(scribe, catalog, direct):
    new = scribe.draft(TREE)
    catalog.commit(new)

    known = catalog.begin(scribe.open(), new.packs, [TREE[b"logo.png"].digest])

    assert known == {TREE[b"logo.png"].digest}
    assert direct.execute("SELECT state, reuses FROM pack").fetchall() == [("live", [])]


def test_big_files_go_along_in_packs_of_their_own(scribe, catalog):
    big = a_file(b"imagine this big")
    opened = scribe.open()
    new = scribe.draft({b"big": big})
    big_pack = a_pack("shop", "big")
    catalog.begin(opened, [*new.packs, big_pack], [])

    version = catalog.commit(
        replace(new, packs=(*new.packs, big_pack), places=(place_of(big, big_pack),))
    )

    assert catalog.kept(version).places[big.digest].key == big_pack.key


def test_a_parked_version_leaves_the_head(scribe, catalog):
    first = scribe.record(TREE)

    parked = scribe.record({}, moves_head=False, parked="lost most of its files")

    assert catalog.resolve(SHOP) == first
    assert parked.seq == 2
    assert scribe.open().head_seq == 1
    assert catalog.sessions()[0].parked_count == 1


def test_a_head_that_a_new_life_replaces_is_pinned(scribe, catalog, direct):
    scribe.record(TREE)
    second = scribe.record({})

    Scribe(catalog, inode=2).record(TREE)

    pinned = direct.execute("SELECT seq FROM version WHERE pinned").fetchall()
    assert pinned == [(second.seq,)]


def test_a_head_that_a_restored_life_goes_on_from_is_not_pinned(
    scribe, catalog, direct
):
    first = scribe.record(TREE)
    restored = Scribe(catalog, inode=2)
    catalog.register_restored(
        scribe.session, restored.identity, scribe.host, seq=first.seq
    )

    second = restored.record(TREE)

    assert second.parent == first.seq
    assert direct.execute("SELECT seq FROM version WHERE pinned").fetchall() == []


def test_a_commit_tells_the_root_and_the_name(scribe, catalog):
    owner = RootOwner(uid=1, gid=2, mode=0o700)

    version = scribe.record(TREE, root=owner, project_name="Shop")

    assert catalog.kept(version).root == owner
    assert scribe.open().project_name == "Shop"


def test_contents_are_kept_once(scribe, catalog, direct):
    scribe.record(TREE)

    second = Scribe(catalog, SessionId("copy"), inode=2).record(TREE)

    assert direct.execute("SELECT count(*) FROM blob").fetchone() == (2,)
    assert catalog.tree(second) == TREE


def test_a_touched_file_is_the_same_blob_with_another_time(scribe, catalog):
    tree = {b"a": a_file(b"a")}
    touched = {b"a": replace(tree[b"a"], mtime_ns=99)}
    scribe.record(tree)
    new = scribe.draft(
        touched, delta=Delta(touched, frozenset()), reused={tree[b"a"].digest}
    )

    assert catalog.tree(catalog.commit(new))[b"a"].mtime_ns == 99


def test_two_that_commit_at_once_to_one_session_get_one_number(scribe, catalog):
    drafts = [scribe.draft({b"a": a_file(b"%d" % who)}) for who in range(6)]
    together = threading.Barrier(len(drafts))

    def commit(new):
        together.wait(10)
        try:
            return catalog.commit(new)
        except SeqTaken as error:
            return error

    with ThreadPoolExecutor(len(drafts)) as pool:
        outcomes = list(pool.map(commit, drafts))

    lost = [outcome for outcome in outcomes if isinstance(outcome, SeqTaken)]
    assert len(lost) == len(drafts) - 1
    assert {error.last_seq for error in lost} == {1}


def test_sessions_with_the_same_contents_do_not_deadlock(catalog, catalog_url, direct):
    """Without the ORDER BY in `blobs.add`, each would hold what the other waits for."""
    files = sorted((a_file(b"%d" % n) for n in range(9)), key=lambda file: file.digest)
    drafts = [
        Scribe(catalog, SessionId(f"s{step}"), inode=step + 2).draft(
            {file.digest.hex().encode(): file for file in files[::step]}
        )
        for step in (1, -1)
    ]

    with ThreadPoolExecutor(len(drafts)) as pool, psycopg.connect(catalog_url) as rival:
        rival.execute(
            "INSERT INTO expokeep.blob (scope, digest, size_bytes, pack, frame_offset,"
            " frame_length, frame_raw_length, raw_offset)"
            " SELECT scope, %s, 1, id, 0, 1, 1, 0 FROM expokeep.pack LIMIT 1",
            [files[4].digest],
        )
        commits = [pool.submit(catalog.commit, new) for new in drafts]
        wait_until_blocked(direct, len(drafts))
        rival.rollback()

        versions = [commit.result(20) for commit in commits]

    assert catalog.database.retries == {}
    assert [len(catalog.kept(version).places) for version in versions] == [9, 9]


def wait_until_blocked(connection, count):
    """Wait until so many connections to this database wait for a lock."""
    until_s = monotonic_s() + 20
    while connection.execute(
        "SELECT count(*) < %s FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'",
        [count],
    ).fetchone()[0]:
        assert monotonic_s() < until_s, "nobody waits"


def test_the_taken_time_is_when_the_session_was_used(scribe, catalog):
    scribe.open()
    soon = catalog.server_time()

    scribe.record(TREE, taken_at=soon)

    assert catalog.sessions()[0].accessed_at == soon


HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize("ahead", [5 * HOUR, -5 * HOUR, 9600 * HOUR, -9600 * HOUR])
def test_how_long_ago_a_version_was_taken_is_known_whatever_its_host_s_clock_says(
    scribe, catalog, ahead
):
    now = catalog.server_time()

    version = scribe.record(TREE, taken_at=now - HOUR + ahead, sent_at=now + ahead)

    assert abs(now - HOUR - version.taken_at) < HOUR / 60
    assert catalog.resolve(SHOP) == version


def test_a_clock_that_is_a_little_off_is_believed(scribe, catalog):
    taken_at = catalog.server_time() - HOUR

    version = scribe.record(TREE, taken_at=taken_at, sent_at=taken_at + HOUR * 1.01)

    assert version.taken_at == taken_at


@pytest.mark.parametrize("year", [1990, 2400])
def test_a_clock_that_jumped_between_two_versions_leaves_them_in_their_order(
    scribe, catalog, year
):
    first = scribe.record(TREE, taken_at=catalog.server_time() - 2 * HOUR)
    jumped = scribe.record({}, taken_at=NOON.replace(year=year))
    last = scribe.record(TREE, taken_at=catalog.server_time())

    assert first.taken_at <= jumped.taken_at <= last.taken_at
    assert last.taken_at <= catalog.server_time()
    hour_ago = VersionRef(scribe.session, Selector(age=HOUR))
    assert catalog.resolve(hour_ago) == (jumped if year == 1990 else first)
    assert catalog.sessions()[0].accessed_at <= catalog.server_time()


def test_what_recorded_a_removal_is_parked_by_the_version_that_undoes_it(
    scribe, catalog
):
    whole = scribe.record(TREE)
    torn = scribe.record({b"src": Directory()})
    odd = scribe.record({}, parked="odd", moves_head=False)

    final = scribe.record(TREE, trigger="final", retracts=(torn.pack, odd.pack))

    parked = {one.seq: one.parked for one in catalog.versions(SHOP.session)}
    assert parked == {
        final.seq: None,
        odd.seq: "odd",
        torn.seq: "recorded while the directory was being removed",
        whole.seq: None,
    }
    assert catalog.resolve(SHOP) == final


def test_nothing_is_retracted_by_a_version_that_does_not_become_head(scribe, catalog):
    torn = scribe.record({b"src": Directory()})

    scribe.record(TREE, retracts=(torn.pack,), parked="odd", moves_head=False)

    assert catalog.resolve(SHOP) == torn
