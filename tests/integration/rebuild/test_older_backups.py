"""A Postgres that came back from an older backup deletes nothing, and catches up."""

from typing import NamedTuple

import pytest

from expokeep.catalog.generations import PostgresGenerations
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.reviver import PostgresRebuilding
from expokeep.model.names import SessionId
from expokeep.rebuild.missing import adopted
from expokeep.retention.generation import Guard, OldCatalog
from journeys import seen_in
from rebuilding import changed, fill, noter, told, trees, write

SHOP, NEW = SessionId("shop"), SessionId("new")


LATE = """
INSERT INTO label (session, name, seq)
SELECT id, 'late', 6 FROM session WHERE sid = 'shop'
"""


class Went(NamedTuple):
    """A catalog as it is, and as it was in a backup."""

    now: PostgresCatalog
    now_dsn: str
    old: PostgresCatalog
    old_dsn: str


def guard(catalog, bucket):
    return Guard(PostgresGenerations(catalog.database), bucket, "v1/")


@pytest.fixture
def went(loss) -> Went:
    fill(loss.host, loss.dsn)
    loss.note()
    guard(loss.catalog, loss.bucket).next()
    loss.catalog.close()
    old, old_dsn = loss.catalog_like(loss.dsn)
    now, now_dsn = loss.catalog_like(loss.dsn)

    here = loss.host_on(now)
    write(here.home(SHOP), {"App.js": "after the backup"})
    here.save(SHOP, message="after the backup")
    here.home(NEW).mkdir()
    write(here.home(NEW), {"package.json": "{}", "new.js": "new"})
    here.save(NEW)
    for statement in (
        LATE,
        "DELETE FROM label WHERE name = 'good'",
        "UPDATE session SET head_seq = 2 WHERE sid = 'blog'",
        "UPDATE session SET owner = 'bob', deleted_at = NULL",
        "UPDATE version SET pinned = false, message = 'm' WHERE seq = 1",
    ):
        changed(now_dsn, statement)
    loss.note(now_dsn)
    guard(now, loss.bucket).next()
    return Went(now, now_dsn, old, old_dsn)


def test_a_catalog_of_an_older_backup_may_delete_nothing(went, loss):
    with pytest.raises(OldCatalog, match="generation 1, the bucket at 2"):
        guard(went.old, loss.bucket).next()

    assert guard(went.now, loss.bucket).next() == 3


def test_facts_alone_tell_an_older_catalog_that_it_is_one(loss):
    fill(loss.host, loss.dsn)
    loss.note()
    loss.catalog.close()
    old, old_dsn = loss.catalog_like(loss.dsn)
    now, _ = loss.catalog_like(loss.dsn)
    here = loss.host_on(now)
    write(here.home(SHOP), {"App.js": "after the backup"})
    here.save(SHOP)
    # Nothing was ever deleted. That something was told is enough.
    noter(now.database, loss.bucket, guard(now, loss.bucket).next).write()
    told_by_now = [one.key for one in loss.bucket.list("v1/_meta/facts/")]
    changed(old_dsn, "UPDATE version SET pinned = false")
    late = noter(old.database, loss.bucket, guard(old, loss.bucket).next)

    with pytest.raises(OldCatalog):
        guard(old, loss.bucket).require()
    with pytest.raises(OldCatalog):
        late.write()

    # What it has to tell waits, and does not make it look like a newer one.
    assert [one.key for one in loss.bucket.list("v1/_meta/facts/")] == told_by_now
    loss.rebuild(old, adopted)
    guard(old, loss.bucket).require()
    changed(old_dsn, "UPDATE version SET message = 'caught up' WHERE seq = 1")
    assert late.write() > 0


def test_it_takes_over_what_is_newer_and_may_delete_again(went, loss):
    report = loss.rebuild(went.old, adopted)

    assert not report.doubts
    assert told(went.old_dsn) == told(went.now_dsn)
    assert trees(went.old) == trees(went.now)
    assert guard(went.old, loss.bucket).next() == 3


def test_what_was_recorded_since_stays_and_what_is_newer_is_beside(went, loss):
    here = loss.host_on(went.old)
    home = here.home(SHOP)
    write(home, {"App.js": "on the old one", "only.js": "here"})
    version = here.save(SHOP)

    report = loss.rebuild(went.old, adopted)

    assert not report.doubts
    rows = [row for row in told(went.old_dsn)["versions"] if row["sid"] == "shop"]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert (rows[5]["pack"], rows[6]["message"]) == (version.pack, "after the backup")
    assert [bool(row["parked"]) for row in rows] == [
        *(bool(row["parked"]) for row in rows[:6]),
        True,
    ]
    heads = {row["sid"]: row["head_seq"] for row in told(went.old_dsn)["sessions"]}
    assert heads == {"shop": 6, "blog": 2, "old": 3, "new": 1}
    here.restore("shop@6", loss.place / "six")
    here.restore("shop@7", loss.place / "seven")
    assert seen_in(loss.place / "six") == seen_in(home)
    assert (loss.place / "seven/App.js").read_text() == "after the backup"
    # The live chain goes on, undisturbed by what lies beside it.
    write(home, {"App.js": "and on"})
    assert here.save(SHOP).parent == 6


def test_adopting_twice_changes_nothing(went, loss):
    loss.rebuild(went.old, adopted)
    once = told(went.old_dsn)

    report = loss.rebuild(went.old, adopted)

    assert told(went.old_dsn) == once
    assert (report.packs, report.versions) == (0, 0)


def test_a_session_that_grows_while_it_is_planned_is_planned_anew(
    went, loss, monkeypatch
):
    here = loss.host_on(went.old)
    home = here.home(SHOP)
    revive, saved = PostgresRebuilding.revive, []

    def slow(self, session, revival, packs):
        if session == SHOP and not saved:
            write(home, {"App.js": "meanwhile"})
            saved.append(here.save(SHOP))
        revive(self, session, revival, packs)

    monkeypatch.setattr(PostgresRebuilding, "revive", slow)

    report = loss.rebuild(went.old, adopted)

    rows = [row for row in told(went.old_dsn)["versions"] if row["sid"] == "shop"]
    assert not report.doubts
    assert (rows[5]["pack"], len(rows)) == (saved[0].pack, 7)
    assert rows[6]["message"] == "after the backup"
