"""What the app reads in its tables, column by column, and when."""

import datetime
from dataclasses import replace

import psycopg
import pytest

from cataloging import SHOP, Scribe, a_file
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.marking import PostgresMarks
from expokeep.model.described import described
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, File, Link
from rows import CUID, NEVER, stamp

PROJECT = {
    b"App.js": a_file(b"app"),
    b"src": Directory(0o755),
    b"src/a.tsx": a_file(b"a"),
    b"link": Link(b"App.js"),
}


def test_a_version_is_a_row_and_its_files(rows):
    Scribe(rows.catalog).record(PROJECT)

    rows.require_step()
    row = rows.app.builds()[SHOP]
    assert row["fileCount"] == len(rows.app.files(SHOP)) == 2
    assert CUID.fullmatch(row["id"])
    assert all(
        CUID.fullmatch(one["id"]) for one in rows.app.sql('SELECT id FROM "BuildFile"')
    )
    assert row["storageUrl"].split("/")[-3:] == ["builds", SHOP, "build.tar.gz"]
    assert row["projectName"] == "My Expo App"
    assert (row["isShared"], row["shareToken"]) == (False, None)
    assert row["buildMetadata"]["customFiles"] == ["App.js", "src/a.tsx"]


def test_the_next_version_changes_what_differs_and_no_more(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    ids = 'SELECT id, "filePath" FROM "BuildFile"'
    before = {row["filePath"]: row["id"] for row in rows.app.sql(ids)}
    first = rows.app.builds()[SHOP]

    changed = {**PROJECT, b"App.js": a_file(b"more"), b"new.js": a_file(b"new")}
    del changed[b"src/a.tsx"]
    scribe.record(changed)

    rows.require_step()
    after = {row["filePath"]: row["id"] for row in rows.app.sql(ids)}
    assert after.keys() == {"App.js", "new.js"}
    assert after["App.js"] == before["App.js"]
    row = rows.app.builds()[SHOP]
    assert (row["id"], row["createdAt"]) == (first["id"], first["createdAt"])
    assert row["buildMetadata"]["customFiles"] == ["App.js", "new.js"]


def test_what_was_parked_shows_once_it_is_accepted(rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    parked = scribe.record(
        {b"App.js": a_file(b"x")}, parked="it lost files", moves_head=False
    )
    rows.require_step()
    assert rows.app.files(SHOP).keys() == {"App.js", "src/a.tsx"}

    rows.catalog.accept(parked)

    rows.require_step()
    assert rows.app.files(SHOP).keys() == {"App.js"}


def test_the_project_is_described_by_its_files(rows):
    app = b'{"expo": {"name": "Shop", "slug": "shop"}}'
    package = b'{"name": "shop", "dependencies": {"expo": "~53.0.0"}}'
    tree = {b"app.json": a_file(app), b"package.json": a_file(package)}
    told = tuple((digest_of(one), described(one)) for one in (app, package))
    scribe = Scribe(rows.catalog)

    scribe.record(tree, described=told)

    row = rows.app.builds()[SHOP]
    assert row["projectName"] == "Shop"
    assert row["buildMetadata"]["dependencies"] == {"expo": "~53.0.0"}
    assert row["buildMetadata"]["expoConfig"] == {"name": "Shop", "slug": "shop"}

    broken = b'{"expo": '
    scribe.record(
        {**tree, b"app.json": a_file(broken)},
        described=((digest_of(broken), described(broken)),),
    )

    row = rows.app.builds()[SHOP]
    assert row["projectName"] == "shop"
    assert row["buildMetadata"]["expoConfig"] == {}


def test_what_nobody_has_read_is_read_from_the_bucket(rows):
    app = b'{"expo": {"name": "Shop"}}'
    rows.contents[digest_of(app)] = app
    Scribe(rows.catalog).record({b"app.json": a_file(app)})
    assert rows.app.builds()[SHOP]["projectName"] == "My Expo App"

    rows.keeper.compare()
    rows.settle()

    assert rows.app.builds()[SHOP]["projectName"] == "Shop"


def test_names_are_escaped_and_sizes_clamped(rows):
    tree = {
        b"caf\xc3\xa9/\xff\\.js": a_file(b"1"),
        b"\xed\xa0\x80": a_file(b"2"),
        b"\xf0\x9f\x98\x80\xf0\x9f": a_file(b"3"),
        b"large": File(digest_of(b"4"), 5 * 2**30, 0o644),
    }
    Scribe(rows.catalog).record(tree)

    rows.require_step()
    assert rows.app.files(SHOP)["large"][1] == 2**31 - 1
    assert rows.app.builds()[SHOP]["sizeBytes"] > 5 * 2**30


def test_a_name_that_no_index_can_hold_is_left_out(rows):
    name = b"/".join([b"\\" * 250] * 8)
    Scribe(rows.catalog).record({name: a_file(b"x"), b"App.js": a_file(b"y")})

    assert rows.app.files(SHOP).keys() == {"App.js"}
    assert rows.app.builds()[SHOP]["fileCount"] == 2
    assert rows.ports.rows.compare() == 0


def test_times_are_utc_whatever_zone_whoever_writes_has(rows):
    Scribe(rows.catalog).record(PROJECT)

    def in_tokyo(connection):
        with connection.transaction():
            connection.execute("SET LOCAL timezone TO 'Asia/Tokyo'")
            connection.execute("UPDATE session SET accessed_at = now()")

    rows.catalog.database.run(in_tokyo)

    kept, row = rows.catalog.session(SHOP), rows.app.builds()[SHOP]
    assert row["lastAccessed"] == stamp(kept.accessed_at)
    assert row["createdAt"] == stamp(kept.created_at)
    month = datetime.timedelta(days=30)
    assert row["expiresAt"] == stamp(kept.accessed_at + month)


def test_a_build_expires_after_its_last_access_unless_it_is_pinned(rows):
    version = Scribe(rows.catalog).record(PROJECT)
    marks = PostgresMarks(rows.catalog.database)

    now = rows.catalog.server_time()
    rows.catalog.touch(SHOP, at=now)
    row = rows.app.builds()[SHOP]
    assert row["lastAccessed"] == stamp(now)
    assert row["expiresAt"] == stamp(now + datetime.timedelta(days=30))

    marks.pin(version, is_pinned=True)
    assert rows.app.builds()[SHOP]["expiresAt"] == NEVER

    marks.pin(version, is_pinned=False)
    assert rows.app.builds()[SHOP]["expiresAt"] == row["expiresAt"]


def test_a_deleted_build_goes_and_comes_back_with_what_the_app_said(rows):
    Scribe(rows.catalog).record(PROJECT)
    said = "🚀 ünïcode " * 400
    rows.app.save(SHOP, appDescription=said, expoUrl="exp://192.168.1.5:8081")
    rows.settle()
    before = rows.app.builds()[SHOP]
    deleting = PostgresDeleting(rows.catalog.database)

    assert deleting.delete(SHOP)
    assert rows.app.builds() == {}
    assert rows.app.files(SHOP) == {}

    assert deleting.undelete(SHOP)
    rows.require_step()
    row = rows.app.builds()[SHOP]
    for column in ("id", "createdAt", "appDescription", "expoUrl"):
        assert row[column] == before[column]


def test_the_owner_and_the_name_follow(rows):
    Scribe(rows.catalog).record(PROJECT)
    rows.catalog.describe(SHOP, owner="u1", project_name="Mine")

    row = rows.app.builds()[SHOP]
    assert (row["userId"], row["projectName"]) == ("u1", "Mine")


@pytest.mark.parametrize("column", ["userId", "createdAt", "shareToken"])
def test_the_indexes_of_the_app_are_there(rows, column):
    found = rows.app.sql(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'BuildSession'"
    )

    assert any(f'("{column}")' in row["indexdef"] for row in found)


def test_the_app_finds_by_user_and_by_hash_through_an_index(rows):
    Scribe(rows.catalog).record(PROJECT)
    with rows.app.connection.transaction():
        rows.app.sql("SET LOCAL enable_seqscan = off")
        plans = [
            rows.app.sql(f"EXPLAIN SELECT * FROM {wish}", "x")
            for wish in (
                '"BuildSession" WHERE "userId" = %s',
                '"BuildFile" WHERE "fileHash" = %s',
            )
        ]

    used = [" ".join(row["QUERY PLAN"] for row in plan) for plan in plans]
    assert "BuildSession_userId_idx" in used[0]
    assert "BuildFile_fileHash_idx" in used[1]


def test_our_own_tables_are_in_no_schema_of_the_app(rows):
    found = rows.app.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    )

    assert {row["table_name"] for row in found} == {"BuildSession", "BuildFile"}


def test_builds_that_the_app_keeps_itself_are_left_alone(rows):
    rows.app.save("theirs", userId="u9")
    before = rows.app.builds()["theirs"]
    Scribe(rows.catalog).record(PROJECT)
    rows.keeper.compare()
    rows.settle()

    assert rows.app.builds()["theirs"] == before


def test_a_build_of_the_app_under_the_same_id_is_taken_over(rows):
    rows.app.save(SHOP, userId="u1", appDescription="hers")
    rows.app.sql(
        'INSERT INTO "BuildFile" VALUES (%s, %s, %s, %s, 1)', "cx", SHOP, "old", "00"
    )
    before = rows.app.builds()[SHOP]

    Scribe(rows.catalog).record(PROJECT)

    row = rows.app.builds()[SHOP]
    for column in ("id", "userId", "appDescription", "createdAt"):
        assert row[column] == before[column]
    assert rows.catalog.session(SHOP).owner == "u1"
    rows.require_step()


def test_tables_that_are_not_there_stop_no_commit(catalog):
    version = Scribe(catalog, session=SessionId("none")).record(PROJECT)

    assert version.seq == 1


def test_rows_that_cannot_be_written_stop_no_commit(rows):
    rows.app.sql('ALTER TABLE "BuildSession" ADD COLUMN "extra" text')
    rows.app.sql('ALTER TABLE "BuildSession" ALTER COLUMN "extra" SET NOT NULL')
    version = Scribe(rows.catalog).record(PROJECT)

    assert version.seq == 1
    assert rows.app.builds() == {}
    standing = rows.ports.notes.standing()
    assert standing.behind == 1
    assert "extra" in standing.why

    rows.app.sql('ALTER TABLE "BuildSession" DROP COLUMN "extra"')
    rows.settle()

    rows.require_step()
    assert rows.ports.notes.standing().behind == 0
    assert ("legacy.repaired", SHOP) in rows.heard.events


def test_a_deletion_of_the_row_takes_its_files(rows):
    Scribe(rows.catalog).record(PROJECT)
    with rows.app.connection.transaction(force_rollback=True):
        rows.app.sql('DELETE FROM "BuildSession"')
        assert rows.app.files(SHOP) == {}
    with pytest.raises(psycopg.errors.UniqueViolation):
        rows.app.sql(
            'INSERT INTO "BuildFile" VALUES (%s, %s, %s, %s, 1)',
            "cx",
            SHOP,
            "App.js",
            "00",
        )


def share_of(rows, name, *, password=None):
    rows.catalog.database.run(
        lambda connection: connection.execute(
            "INSERT INTO share (name, password, token, pepper, session, expires_at)"
            " SELECT %(name)s::text, %(password)s,"
            "        sha256(convert_to(%(name)s::text, 'UTF8')), '12345678', id,"
            "        now() + interval '1 day'"
            "   FROM session",
            {"name": name, "password": password},
        )
    )


def test_a_live_share_shows_and_its_token_only_if_it_is_wanted(rows):
    Scribe(rows.catalog).record(PROJECT)
    first, second, closed = (f"shr-{letter * 12}" for letter in "abc")
    share_of(rows, first)
    share_of(rows, second)
    share_of(rows, closed, password="scrypt$x")
    for name in (first, second, closed):
        rows.ports.notes.reveal(name, f"token of {name}")

    row = rows.app.builds()[SHOP]
    assert (row["isShared"], row["shareToken"]) == (True, None)
    assert row["expiresAt"] == NEVER

    rows.wish = replace(rows.wish, shows_tokens=True)
    rows.settle()
    assert rows.app.builds()[SHOP]["shareToken"] == f"token of {second}"

    for name, left in ((second, f"token of {first}"), (first, None)):
        rows.catalog.database.run(
            lambda connection, name=name: connection.execute(
                "UPDATE share SET revoked_at = now() WHERE name = %s", [name]
            )
        )
        assert rows.app.builds()[SHOP]["shareToken"] == left
