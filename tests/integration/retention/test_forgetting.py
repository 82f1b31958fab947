"""Forgetting, merging and sweeping: what stays restores, what goes is gone."""

import hashlib
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from consistency import Books, assert_consistent
from expokeep import clock
from expokeep.catalog.checking import PostgresChecking
from expokeep.catalog.proofs import PostgresProofs
from expokeep.catalog.revival import NOBODY
from expokeep.catalog.values import Host
from expokeep.check.run import Checker
from expokeep.check.subset import Everything
from expokeep.check.values import Wish
from expokeep.errors import NotFound
from expokeep.model.names import SessionId
from expokeep.model.version import Selector, VersionRef
from expokeep.retention.generation import OldCatalog
from expokeep.store.memory import MemoryStore
from journeys import SHOP, Keeper, seen_in
from retaining import Warden
from retelling import not_told


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def keeper(catalog, store, tmp_path, pool):
    return Keeper(catalog, store, tmp_path, pool)


@pytest.fixture
def warden(catalog, store, tmp_path, pool):
    return Warden(catalog, store, tmp_path / "warden", pool, fan=4)


@pytest.fixture
def is_sound(catalog, catalog_url, store):
    """Checks that catalog and bucket agree, and that the bucket tells every version."""

    def check():
        with ThreadPoolExecutor(2) as readers:
            checker = Checker(
                PostgresChecking(catalog.database),
                PostgresProofs(catalog.database, Host(uuid.uuid4(), "checker")),
                store,
                readers,
                "v1/main/",
                clock.now,
            )
            *_, outcome = checker.check(Wish(None, Everything()))
        assert outcome.damage == ()
        assert_consistent(Books(catalog, catalog_url, store))
        assert not_told(catalog_url, store) == []
        return True

    return check


def write(keeper, files, session=SHOP):
    home = keeper.home(session)
    home.mkdir(exist_ok=True)
    for name, contents in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if contents is None:
            path.unlink()
        else:
            path.write_bytes(contents)


def noise(number, size_bytes=2000):
    """Contents that nothing else has, and that hardly get smaller."""
    block = hashlib.sha512(str(number).encode()).digest()
    return b"".join(
        hashlib.sha512(block + bytes([i % 256, i // 256])).digest()
        for i in range(size_bytes // 64)
    )


def saved(keeper, count, session=SHOP, size_bytes=2000):
    """Save so many versions; return what each looked like, by number."""
    seen = {}
    for number in range(1, count + 1):
        write(
            keeper,
            {
                "package.json": b"{}",
                "App.js": noise(f"{session}{number}", size_bytes),
                f"src/{number % 3}.js": noise(f"{session}-{number}", size_bytes),
            },
            session,
        )
        version = keeper.save(session)
        seen[version.seq] = seen_in(keeper.home(session), times=False)
    return seen


def seqs(catalog, session=SHOP):
    return sorted(version.seq for version in catalog.versions(session))


def assert_restores(keeper, tmp_path, seen, session=SHOP):
    target = tmp_path / "look"
    for seq, expected in seen.items():
        keeper.restore(f"{session}@{seq}", target)
        assert seen_in(target, times=False) == expected
        shutil.rmtree(target)


def test_what_is_forgotten_is_gone_and_the_rest_restores(
    keeper, warden, is_sound, catalog, tmp_path
):
    seen = saved(keeper, 10)
    before = len(list(keeper.store.list("v1/main/")))

    (forgotten,) = warden.forget(last=3)
    for _ in range(2):
        warden.collect()

    assert forgotten.seqs == tuple(range(1, 8))
    assert seqs(catalog) == [8, 9, 10]
    with pytest.raises(NotFound):
        keeper.restore(f"{SHOP}@4", tmp_path / "look")
    assert_restores(keeper, tmp_path, {seq: seen[seq] for seq in (8, 9, 10)})
    assert is_sound()
    assert len(list(keeper.store.list("v1/main/"))) <= before


def test_one_before_the_newest_is_the_one_before_that_is_kept(keeper, warden, catalog):
    saved(keeper, 6)
    version = catalog.resolve(VersionRef(SHOP, Selector(seq=2)))
    warden.marks.pin(version, is_pinned=True)

    warden.forget(last=2)

    back = [
        catalog.resolve(VersionRef(SHOP, Selector(back=number))).seq
        for number in (1, 2)
    ]
    assert back == [5, 2]


def test_a_dry_run_says_what_goes_and_changes_nothing(keeper, warden, catalog):
    saved(keeper, 6)

    (wish,) = warden.forget(last=2, dry_run=True)
    assert seqs(catalog) == [1, 2, 3, 4, 5, 6]
    (done,) = warden.forget(last=2)

    assert wish == done
    assert wish.weight.size_bytes > 0


def test_snapshots_go_on_after_their_parents_are_forgotten(
    keeper, warden, is_sound, tmp_path
):
    saved(keeper, 5)
    warden.forget(last=1)
    warden.collect()

    write(keeper, {"App.js": b"again"})
    version = keeper.save()

    assert version.seq == 6
    assert_restores(keeper, tmp_path, {6: seen_in(keeper.home(SHOP), times=False)})
    assert is_sound()


def test_packs_are_merged_and_every_version_restores_from_few(
    keeper, warden, is_sound, catalog, tmp_path
):
    seen = saved(keeper, 20)

    warden.merge()
    warden.collect()

    objects = list(keeper.store.list(f"v1/main/{SHOP}/"))
    assert len(objects) < 8
    assert is_sound()
    assert_restores(keeper, tmp_path, seen)
    head = catalog.kept(catalog.resolve(VersionRef(SHOP)))
    assert len({place.pack for place in head.places.values()}) <= 3


def test_merging_forgetting_and_saving_by_turns_keeps_what_is_kept(
    keeper, warden, is_sound, catalog, tmp_path
):
    seen = {}
    for turn in range(1, 6):
        for number in range(3 + turn):
            write(keeper, {"App.js": noise((turn, number)), "old.js": noise(turn)})
            version = keeper.save()
            seen[version.seq] = seen_in(keeper.home(SHOP), times=False)
        warden.merge()
        warden.forget(last=4 + turn)
        warden.collect()

        kept = {seq: seen[seq] for seq in seqs(catalog)}
        assert len(kept) == min(4 + turn, len(seen))
        assert is_sound()
        assert_restores(keeper, tmp_path, kept)


def shared_by(keeper, count, size_bytes=300_000):
    """Save so many builds that have files in common, and something of their own each.

    Returns what each looked like.
    """
    seen = {}
    for number in range(count):
        sid = SessionId(f"build-{number}")
        write(
            keeper,
            {
                "package.json": b"{}",
                "common.js": noise("common", size_bytes),
                "own.js": noise(sid, size_bytes),
            },
            sid,
        )
        keeper.save(sid)
        seen[sid] = seen_in(keeper.home(sid), times=False)
    return seen


def stored_bytes(store):
    return sum(info.size_bytes for info in store.list("v1/main/"))


def test_of_ten_builds_nine_are_deleted_and_the_tenth_restores(
    keeper, warden, is_sound, tmp_path
):
    seen = shared_by(keeper, 10)
    last = SessionId("build-9")
    before = stored_bytes(keeper.store)

    for number in range(9):
        assert warden.deletions.delete(SessionId(f"build-{number}"))
    for _ in range(2):
        warden.collect()

    assert before > 11 * 300_000
    # What is common lay in a pack of the first, and that is gone.
    assert stored_bytes(keeper.store) < 2.1 * 300_000
    assert {info.key.split("/")[2] for info in keeper.store.list("v1/main/")} == {last}
    assert_restores(keeper, tmp_path, {1: seen[last]}, last)
    assert is_sound()


def test_while_the_grace_runs_nothing_goes_and_all_can_be_had_back(
    keeper, catalog, tmp_path, pool, is_sound
):
    warden = Warden(catalog, keeper.store, tmp_path / "w", pool, grace_s=3600)
    seen = shared_by(keeper, 2)
    first = SessionId("build-0")

    warden.deletions.delete(first)
    warden.collect()

    assert [one.session for one in catalog.sessions()] == ["build-1"]
    assert_restores(keeper, tmp_path, {1: seen["build-1"]}, "build-1")
    assert warden.deletions.undelete(first)
    assert_restores(keeper, tmp_path, {1: seen[first]}, first)
    assert is_sound()


def test_when_the_grace_is_over_the_bytes_go_without_a_second_one(
    keeper, catalog, catalog_url, tmp_path, pool
):
    warden = Warden(catalog, keeper.store, tmp_path / "w", pool, grace_s=3600)
    seen = shared_by(keeper, 2)
    warden.deletions.delete(SessionId("build-0"))
    warden.collect()
    age(catalog_url, hours=2)

    collected = warden.collect()

    assert collected.purged == ("build-0",)
    assert stored_bytes(keeper.store) < 2.1 * 300_000
    assert_restores(keeper, tmp_path, {1: seen["build-1"]}, "build-1")


def age(dsn, *, hours):
    """Let everything in a catalog be so much older."""
    with psycopg.connect(dsn) as connection:
        for table, column in (
            ("session", "deleted_at"),
            ("session", "accessed_at"),
            ("session", "created_at"),
            ("version", "recorded_at"),
            ("pack", "state_at"),
            ("host", "lease_until"),
        ):
            connection.execute(
                f"UPDATE expokeep.{table} SET {column} = {column}"
                f" - interval '{hours} hours'"
            )


def test_a_session_that_nobody_came_for_goes_after_days_and_grace(
    keeper, catalog, catalog_url, tmp_path, pool
):
    warden = Warden(catalog, keeper.store, tmp_path / "w", pool, grace_s=7 * 86_400)
    saved(keeper, 2)
    age(catalog_url, hours=29 * 24)
    assert warden.collect().expired == ()

    age(catalog_url, hours=2 * 24)
    assert warden.collect().expired == (SHOP,)
    assert catalog.sessions() == []
    assert stored_bytes(keeper.store) > 0
    age(catalog_url, hours=8 * 24)
    warden.collect()

    assert stored_bytes(keeper.store) == 0
    assert not warden.deletions.deleted(owner=None, uid=None, limit=9)


def test_what_a_person_pinned_never_expires(keeper, warden, catalog, catalog_url):
    saved(keeper, 1)
    version = catalog.resolve(VersionRef(SHOP))
    warden.marks.pin(version, is_pinned=True)
    age(catalog_url, hours=1000 * 24)

    assert warden.collect().expired == ()


def test_what_was_retired_and_is_saved_again_is_kept(
    keeper, catalog, tmp_path, pool, is_sound
):
    warden = Warden(catalog, keeper.store, tmp_path / "w", pool, grace_s=3600)
    write(keeper, {"a.js": noise(1), "b.js": noise(2)})
    keeper.save()
    write(keeper, {"a.js": noise(3), "b.js": noise(4)})
    keeper.save()
    write(keeper, {"a.js": noise(5)})
    keeper.save()
    warden.forget(last=1)
    warden.merge()
    warden.collect()

    write(keeper, {"a.js": noise(1)})
    version = keeper.save()
    zealous = replace_grace(warden, 0.0)
    for _ in range(2):
        zealous.collect()

    now = seen_in(keeper.home(SHOP), times=False)
    assert_restores(keeper, tmp_path, {version.seq: now})
    assert is_sound()


def replace_grace(warden, grace_s):
    return Warden(
        warden.catalog, warden.store, warden.top / "z", warden.executor, grace_s
    )


def test_what_a_waiting_snapshot_counts_on_is_not_swept(
    keeper, warden, catalog, tmp_path, is_sound
):
    one, two = SessionId("one"), SessionId("two")
    write(keeper, {"common.js": noise("common")}, one)
    keeper.save(one)
    write(keeper, {"common.js": noise("common"), "own.js": b"own"}, two)
    keeper.look(two)
    seen = seen_in(keeper.home(two), times=False)
    shutil.rmtree(keeper.home(two))  # so that it cannot be had from there once more
    warden.deletions.delete(one)
    for _ in range(2):
        warden.collect()

    keeper.ship(two)

    warden.collect()
    assert_restores(keeper, tmp_path, {1: seen}, two)
    assert is_sound()


def test_objects_that_cannot_be_deleted_are_tried_again(keeper, warden, catalog):
    saved(keeper, 6)
    warden.forget(last=1)
    warden.merge()
    store = keeper.store
    delete, stubborn = store.delete, True

    def refuse(keys):
        return dict.fromkeys(keys, "AccessDenied") if stubborn else delete(keys)

    store.delete = refuse
    first = warden.collect()
    stubborn = False
    second = warden.collect()

    assert first.swept.failed
    assert first.swept.deleted == 0
    assert second.swept.deleted == len(first.swept.failed)


def test_an_older_catalog_deletes_nothing(keeper, warden, catalog_url):
    shared_by(keeper, 3)
    warden.deletions.delete(SessionId("build-0"))
    warden.collect()
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE expokeep.generation SET number = 0")
    before = set(keeper.store.list("v1/main/"))
    warden.deletions.delete(SessionId("build-1"))

    with pytest.raises(OldCatalog):
        warden.collect()

    assert set(keeper.store.list("v1/main/")) >= before
    assert warden.deletions.undelete(SessionId("build-1"))


def test_a_pack_that_only_tells_what_went_away_is_needed_by_the_next_ones(
    keeper, warden, tmp_path, is_sound
):
    write(keeper, {"a.js": noise(1), "b.js": noise(2), "c.js": noise(3)})
    keeper.save()
    write(keeper, {"b.js": None})
    keeper.save()
    write(keeper, {"c.js": noise(4)})
    keeper.save()

    warden.forget(last=1)
    for _ in range(2):
        warden.collect()

    assert_restores(keeper, tmp_path, {3: seen_in(keeper.home(SHOP), times=False)})
    assert is_sound()


def test_of_two_merges_that_tell_the_same_one_stays(keeper, warden, catalog, is_sound):
    for number in range(1, 9):
        write(keeper, {"a.js": noise(number), "large.bin": noise("l", 2 << 20)})
        keeper.save()
    warden.merge()
    write(keeper, {"large.bin": noise("m", 2 << 20)})
    keeper.save()
    write(keeper, {"a.js": b"last"})
    keeper.save()

    for _ in range(3):
        warden.forget(last=1)
        warden.merge()
        warden.collect()

    assert seqs(catalog) == [10]
    assert is_sound()


def test_what_is_deleted_is_hidden_from_people_and_captures_go_on(
    keeper, warden, catalog, tmp_path
):
    saved(keeper, 2)
    warden.deletions.delete(SHOP)

    with pytest.raises(NotFound, match="deleted") as refused:
        keeper.restore(f"{SHOP}", tmp_path / "look")
    keeper.restart()
    write(keeper, {"App.js": b"beneath"})
    version = keeper.save(trigger="auto")

    assert "undelete" in refused.value.hint
    assert version.seq == 3
    assert catalog.sessions() == []
    assert catalog.session(SHOP, deleted_too=True) is not None


@pytest.mark.parametrize("expired", [False, True])
def test_a_save_brings_a_deleted_session_back_and_a_capture_an_expired_one(
    keeper, warden, catalog, catalog_url, expired
):
    saved(keeper, 1)
    if expired:
        age(catalog_url, hours=31 * 24)
        patient = Warden(
            catalog, keeper.store, warden.top / "p", warden.executor, 86_400
        )
        assert patient.collect().expired == (SHOP,)
    else:
        warden.deletions.delete(SHOP)

    write(keeper, {"App.js": b"here again"})
    keeper.save(trigger="auto" if expired else "save")

    assert [row.session for row in catalog.sessions()] == [SHOP]


def test_a_directory_whose_session_was_purged_begins_anew(
    keeper, warden, catalog, tmp_path, is_sound
):
    saved(keeper, 3)
    warden.deletions.delete(SHOP)
    warden.collect()

    write(keeper, {"App.js": b"here again"})
    keeper.restart()
    version = keeper.save()

    assert_restores(
        keeper, tmp_path, {version.seq: seen_in(keeper.home(SHOP), times=False)}
    )
    assert is_sound()


def test_contents_that_somebody_holds_just_now_are_not_swept(
    keeper, warden, catalog_url, is_sound
):
    """As an intent does, between its first look and its end."""
    write(keeper, {"a.js": noise(1)})
    keeper.save()
    warden.deletions.delete(SHOP)

    with psycopg.connect(catalog_url) as other:
        other.execute("SELECT FROM expokeep.blob FOR KEY SHARE")
        first = warden.collect()
    second = warden.collect()

    assert (first.purged, first.swept.deleted) == ((SHOP,), 0)
    assert second.swept.deleted == 1
    assert is_sound()


def test_what_is_found_is_in_versions_that_are_kept(keeper, warden, catalog):
    for number in range(1, 7):
        write(keeper, {"App.js": noise(number // 3), "n.js": noise(number)})
        keeper.save()
    warden.forget(last=2)

    found = [
        (one.first_seq, one.last_seq, one.path) for one in catalog.find(b"*", [SHOP])
    ]

    assert found == [
        (5, 5, b"App.js"),
        (6, None, b"App.js"),
        (5, 5, b"n.js"),
        (6, None, b"n.js"),
    ]


def test_an_older_catalog_forgets_nothing(keeper, warden, catalog, catalog_url):
    saved(keeper, 3)
    warden.sweeper.guard()
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE expokeep.generation SET number = 0")

    # What is pinned or labelled in the bucket's facts may not be so in this catalog.
    assert warden.forget(last=1, dry_run=True)
    with pytest.raises(OldCatalog):
        warden.forget(last=1)

    assert [version.seq for version in catalog.versions(SHOP)] == [3, 2, 1]


def test_an_older_catalog_purges_nothing_at_once(keeper, warden, catalog_url):
    saved(keeper, 1)
    warden.sweeper.guard()
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE expokeep.generation SET number = 0")
    warden.deletions.delete(SHOP)

    with pytest.raises(OldCatalog):
        warden.collector.purge_now(SHOP)

    assert warden.deletions.undelete(SHOP)


AS_EXPECTED = """
UPDATE expokeep.pack
   SET state = 'uploading',
       state_at = now() - interval '1 year',
       host = NULL
 WHERE session = (SELECT id FROM expokeep.session WHERE sid = 'one')
"""
"""As a rebuild leaves packs of a session that it could not give back."""
NOTHING_RECORDED = """
DELETE FROM expokeep.file_version
 WHERE session = (SELECT id FROM expokeep.session WHERE sid = 'one');
UPDATE expokeep.session SET head_seq = NULL, host = NULL WHERE sid = 'one';
DELETE FROM expokeep.version
 WHERE session = (SELECT id FROM expokeep.session WHERE sid = 'one')
"""


def test_an_intent_goes_only_when_nobody_needs_what_it_holds(
    keeper, warden, catalog, catalog_url, tmp_path
):
    one, two = SessionId("one"), SessionId("two")
    for session in (one, two):
        write(keeper, {"package.json": b"{}", "common.js": noise("common")}, session)
        keeper.save(session)
    seen = seen_in(keeper.home(two), times=False)
    with psycopg.connect(catalog_url) as connection:
        connection.execute(AS_EXPECTED)
        connection.execute(NOTHING_RECORDED)

    assert warden.collect().swept.deleted == 0
    assert_restores(keeper, tmp_path, {1: seen}, two)

    warden.deletions.delete(two)
    warden.collect()
    assert warden.collect().swept.is_done
    assert not list(keeper.store.list("v1/main/"))


AN_HOUR_AGO_EXPECTED = """
UPDATE expokeep.pack
   SET state = 'uploading',
       kind = 'merge',
       state_at = now() - interval '2 hours',
       host = %s
 WHERE session = (SELECT id FROM expokeep.session WHERE sid = 'one')
"""


@pytest.mark.parametrize(("host", "stale"), [(NOBODY, 0), (None, 1)])
def test_a_merge_that_a_rebuild_found_has_the_whole_grace(
    keeper, warden, catalog_url, host, stale
):
    write(keeper, {"package.json": b"{}"}, SessionId("one"))
    keeper.save(SessionId("one"))
    with psycopg.connect(catalog_url) as connection:
        if host is not None:
            connection.execute(
                "INSERT INTO expokeep.host VALUES (%s, 'nobody', 'epoch')", [host]
            )
        connection.execute(AN_HOUR_AGO_EXPECTED, [host])
        connection.execute(NOTHING_RECORDED)
        connection.execute("DELETE FROM expokeep.blob")

    found = warden.sweeper.packs.stale(grace_s=7 * 86_400, limit=9)

    assert len(found) == stale
