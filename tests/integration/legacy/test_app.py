"""What the app does to its tables: heeded, or undone and told."""

import contextlib
from dataclasses import replace

import psycopg
import pytest
from psycopg.rows import dict_row

from cataloging import SHOP, Scribe, a_file
from expokeep.catalog.marking import PostgresMarks
from expokeep.model.names import SessionId
from rows import begun, stamp

PROJECT = {b"App.js": a_file(b"app"), b"src/a.js": a_file(b"a")}


def many(rows, count):
    """Keep so many sessions; return their scribes."""
    scribes = [
        Scribe(rows.catalog, session=SessionId(f"s{number:02}"), inode=number + 1)
        for number in range(count)
    ]
    for scribe in scribes:
        scribe.record(PROJECT)
    return scribes


def is_deleted(rows, session):
    return rows.catalog.session(session) is None


def test_what_the_app_says_of_a_build_is_heeded_and_stays(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    rows.app.sql(
        'UPDATE "BuildSession" SET "userId" = %s, "appDescription" = %s', "u1", "hers"
    )
    rows.settle()
    assert rows.catalog.session(SHOP).owner == "u1"

    scribe.record({b"App.js": a_file(b"more")})
    rows.app.sql('UPDATE "BuildSession" SET "userId" = NULL')
    rows.settle()

    row = rows.app.builds()[SHOP]
    assert (row["userId"], row["appDescription"]) == ("u1", "hers")
    rows.require_step()


def test_of_two_who_say_whose_a_build_is_the_last_is_heeded(rows):
    Scribe(rows.catalog).record(PROJECT)
    rows.catalog.describe(SHOP, owner="ours")
    assert rows.app.builds()[SHOP]["userId"] == "ours"

    rows.app.sql('UPDATE "BuildSession" SET "userId" = %s', "theirs")
    rows.settle()
    assert rows.catalog.session(SHOP).owner == "theirs"

    rows.catalog.describe(SHOP, owner="ours again")
    assert rows.app.builds()[SHOP]["userId"] == "ours again"


def test_an_owner_that_the_app_named_is_heeded_by_the_next_commit(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    rows.app.sql('UPDATE "BuildSession" SET "userId" = %s', "u1")

    scribe.record({b"App.js": a_file(b"more")})

    assert rows.catalog.session(SHOP).owner == "u1"
    rows.require_step()


def test_a_use_that_the_app_saw_counts_for_expiry(rows):
    Scribe(rows.catalog).record(PROJECT)
    now = rows.catalog.server_time()
    rows.app.sql('UPDATE "BuildSession" SET "lastAccessed" = %s', stamp(now))

    rows.settle()

    assert stamp(rows.catalog.session(SHOP).accessed_at) == stamp(now)
    rows.require_step()


def test_what_only_we_know_is_put_right_again(rows):
    Scribe(rows.catalog).record(PROJECT)
    rows.app.save(SHOP, isShared=True, shareToken="t", expiresAt=None)
    rows.app.sql('UPDATE "BuildFile" SET "fileHash" = %s', "00")
    rows.app.sql('DELETE FROM "BuildFile" WHERE "filePath" = %s', "App.js")

    rows.settle()

    rows.require_step()
    row = rows.app.builds()[SHOP]
    assert (row["isShared"], row["shareToken"]) == (False, None)
    assert row["expiresAt"] is not None


def test_an_app_that_saves_once_more_finds_its_own_row(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    before = rows.app.builds()[SHOP]
    rows.app.save(SHOP, appDescription="saved by the app")
    scribe.record({b"App.js": a_file(b"more")})
    rows.settle()

    row = rows.app.builds()[SHOP]
    assert (row["id"], row["appDescription"]) == (before["id"], "saved by the app")
    rows.require_step()


def test_a_row_that_the_app_deletes_is_a_session_deleted_softly(rows):
    many(rows, 3)
    rows.app.sql('DELETE FROM "BuildSession" WHERE "sessionId" = %s', "s01")
    rows.settle()

    assert is_deleted(rows, "s01")
    assert rows.catalog.session(SessionId("s01"), deleted_too=True) is not None
    assert ("session.deleted", "s01") in rows.heard.events
    rows.require_step()


def test_an_edit_after_the_deletion_does_not_bring_the_build_back(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    rows.app.sql('DELETE FROM "BuildSession"')

    scribe.record({b"App.js": a_file(b"more")})
    assert rows.app.builds() == {}
    rows.settle()

    assert is_deleted(rows, SHOP)
    assert rows.app.builds() == {}


def test_a_save_after_the_deletion_brings_the_build_back(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    rows.app.sql('DELETE FROM "BuildSession"')

    scribe.record({b"App.js": a_file(b"more")}, trigger="save")
    rows.settle()

    assert not is_deleted(rows, SHOP)
    rows.require_step()


def test_too_many_deletions_at_once_are_refused(rows):
    many(rows, 12)

    with pytest.raises(psycopg.errors.RaiseException, match="12 builds at once"):
        rows.app.sql('DELETE FROM "BuildSession"')
    rows.settle()

    assert len(rows.app.builds()) == 12
    assert ("legacy.refused", None) in rows.heard.events
    assert rows.ports.notes.standing().refused is not None
    rows.require_step()


def test_too_many_deletions_one_by_one_are_undone(rows):
    many(rows, 12)
    for number in range(11):
        rows.app.sql(
            'DELETE FROM "BuildSession" WHERE "sessionId" = %s', f"s{number:02}"
        )

    rows.settle()

    assert len(rows.app.builds()) == 12
    assert ("legacy.refused", None) in rows.heard.events
    rows.require_step()


def test_nine_may_go_however_few_there_are(rows):
    many(rows, 12)
    rows.app.sql('DELETE FROM "BuildSession" WHERE "sessionId" < %s', "s09")

    rows.settle()

    assert rows.app.builds().keys() == {"s09", "s10", "s11"}
    rows.require_step()


@pytest.mark.parametrize("table", ['"BuildSession" CASCADE', '"BuildFile"'])
def test_a_table_is_not_emptied(rows, table):
    many(rows, 2)

    with pytest.raises(psycopg.errors.RaiseException, match="refuses to empty"):
        rows.app.sql(f"TRUNCATE {table}")
    rows.settle()

    rows.require_step()
    assert rows.heard.events == [("legacy.refused", None)]


def test_tables_that_are_made_anew_are_filled_again(rows):
    scribes = many(rows, 3)
    rows.app.sql('UPDATE "BuildSession" SET "appDescription" = \'kept\'')
    rows.settle()
    rows.app.sql('DROP TABLE "BuildFile", "BuildSession"')
    scribes[0].record({b"App.js": a_file(b"meanwhile")})
    rows.settle()
    scribes[1].record({b"App.js": a_file(b"later")})

    rows.ports.tables.make()
    rows.settle()

    rows.require_step()
    assert {row["appDescription"] for row in rows.app.builds().values()} == {"kept"}
    assert ("legacy.refused", None) in rows.heard.events


def test_a_reset_between_two_looks_deletes_nothing_however_few_there_are(rows):
    scribes = many(rows, 3)
    rows.settle()
    rows.app.sql('DROP TABLE "BuildFile", "BuildSession"')
    rows.ports.tables.make()
    scribes[1].record({b"App.js": a_file(b"meanwhile")})

    rows.settle()

    assert len(rows.app.builds()) == 3
    rows.require_step()


def test_tables_of_the_app_that_come_later_are_filled(catalog_url, catalog):
    scribe = Scribe(catalog)
    scribe.record(PROJECT)
    with begun(catalog_url) as rows:
        rows.require_step()


def test_without_triggers_a_look_finds_what_the_app_did(rows):
    scribes = many(rows, 3)
    rows.ports.tables.detach()
    rows.catalog.database.run(
        lambda connection: connection.execute("UPDATE legacy SET is_attached = true")
    )
    rows.app.sql('DELETE FROM "BuildSession" WHERE "sessionId" = %s', "s00")
    rows.app.sql(
        'UPDATE "BuildSession" SET "userId" = %s WHERE "sessionId" = %s', "u", "s01"
    )
    scribes[2].record({b"App.js": a_file(b"more")})
    assert rows.ports.rows.marks() == []

    rows.keeper.compare()
    rows.settle()

    assert is_deleted(rows, "s00")
    assert rows.catalog.session(SessionId("s01")).owner == "u"
    rows.require_step()


def test_a_template_is_not_deleted_by_the_app(rows):
    many(rows, 2)
    rows.catalog.database.run(
        lambda connection: connection.execute(
            "INSERT INTO template (name, uid, session, seq)"
            " SELECT 'blank', 0, id, 1 FROM session WHERE sid = 's00'"
        )
    )
    rows.app.sql('DELETE FROM "BuildSession" WHERE "sessionId" = %s', "s00")
    rows.settle()

    assert not is_deleted(rows, "s00")
    rows.require_step()


@contextlib.contextmanager
def locked(rows, mode="ACCESS EXCLUSIVE"):
    """Hold a lock on the app's table, as a migration of the app does."""
    dsn = rows.app.connection.info.dsn
    password = rows.app.connection.info.password
    with (
        psycopg.connect(dsn, password=password, row_factory=dict_row) as migrating,
        migrating.transaction(),
    ):
        migrating.execute(f'LOCK TABLE public."BuildSession" IN {mode} MODE')
        yield


def test_a_lock_of_the_app_stops_no_commit_and_the_row_is_mended_later(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    with locked(rows):
        version = scribe.record({b"App.js": a_file(b"more")})
        assert version.seq == 2
        assert PostgresMarks(rows.catalog.database).label(version, "here") is None
        PostgresMarks(rows.catalog.database).pin(version, is_pinned=True)
        assert rows.keeper.act(lambda: False)
        standing = rows.ports.notes.standing()
        assert standing.behind == 1
        assert "lock timeout" in standing.why
    assert rows.ports.rows.waits()

    rows.settle()

    rows.require_step()
    assert rows.ports.notes.standing().behind == 0
    assert ("legacy.repaired", SHOP) in rows.heard.events
    assert not rows.ports.rows.waits()


def test_an_app_that_writes_a_row_waits_for_no_commit(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    with rows.app.connection.transaction():
        rows.app.sql('UPDATE "BuildSession" SET "appDescription" = %s', "slow")
        assert scribe.record({b"App.js": a_file(b"more")}).seq == 2

    rows.settle()

    assert rows.app.builds()[SHOP]["appDescription"] == "slow"
    rows.require_step()


def test_a_setting_that_changes_changes_all_rows(rows):
    many(rows, 2)
    rows.wish = replace(rows.wish, retention_days=60)
    rows.settle()

    for session, row in rows.app.builds().items():
        kept = rows.catalog.session(SessionId(session))
        assert (row["expiresAt"] - stamp(kept.created_at)).days == 60


def test_tables_that_are_left_alone_are_left_alone(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    rows.keeper.leave()

    scribe.record({b"App.js": a_file(b"more")})
    rows.app.sql('DELETE FROM "BuildSession"')

    assert not is_deleted(rows, SHOP)
    assert rows.ports.rows.marks() == []


def test_a_role_that_may_not_write_is_told_of(rows):
    found = rows.ports.tables.find()

    assert (found.may_write, found.may_watch, found.is_settled) == (True, True, True)
