"""The app's tables beside a real daemon: in step, and in nobody's way."""

import psycopg
import pytest
from psycopg.rows import dict_row

from daemons import until, write
from rows import App

PROJECT = {
    "App.js": "export default 1\n",
    "app.json": '{"expo": {"name": "Shop", "slug": "shop"}}',
    "package.json": '{"name": "shop", "dependencies": {"expo": "~53.0.0"}}',
    "src/Home.js": "home",
}


def app_on(dsn: str):
    return psycopg.connect(
        dsn, autocommit=True, row_factory=dict_row, options="-csearch_path=public"
    )


@pytest.fixture(scope="module")
def app(daemon, site):
    """The app, whose tables come while the daemon runs already."""
    made = daemon.cli("db", "migrate", "--app-tables")
    assert (made.returncode, made.stdout) == (0, "made the app's tables\n")
    # Sooner than the daemon would look by itself.
    daemon.restart()
    with app_on(site.database_url) as connection:
        yield App(connection)


def build_of(app: App, sid: str, files: int | None = None):
    """Wait for the row of a session, and return it."""

    def found():
        row = app.builds().get(sid)
        return row if row and files in (None, row["fileCount"]) else None

    return until(found, "a row")


def test_a_save_is_a_row_with_all_that_the_app_asks_for(app, daemon, site):
    sid, place = site.session()
    write(place, PROJECT)
    saved = daemon.ask("save", sid, "--user", "u1")

    row = build_of(app, sid)

    assert (row["userId"], row["projectName"]) == ("u1", "Shop")
    assert row["fileCount"] == len(PROJECT)
    assert row["buildMetadata"]["dependencies"] == {"expo": "~53.0.0"}
    assert row["buildMetadata"]["expokeep"]["version"] == saved["version"]
    assert row["storageUrl"].endswith(f"/builds/{sid}/build.tar.gz")
    kept = {
        one["path"]: one["digest"]
        for one in daemon.ask("ls", sid)["entries"]
        if one["type"] == "file"
    }
    assert {path: digest for path, (digest, _) in app.files(sid).items()} == kept


def test_a_project_keeps_its_name_when_only_package_json_changes(app, daemon, site):
    sid, place = site.session()
    write(place, PROJECT)
    daemon.ask("save", sid)
    write(place, {"package.json": '{"name": "other", "version": "2.0.0"}'})
    daemon.ask("save", sid)

    assert daemon.ask("show", sid)["version"]["seq"] == 2
    assert build_of(app, sid)["projectName"] == "Shop"


def test_a_lock_of_the_app_holds_up_no_save_and_is_told(app, daemon, site):
    sid, place = site.session()
    write(place, PROJECT)
    daemon.ask("save", sid)
    build_of(app, sid)
    with app_on(site.database_url) as migrating, migrating.transaction():
        migrating.execute('LOCK TABLE "BuildSession" IN ACCESS EXCLUSIVE MODE')
        write(place, {"new.js": "new"})
        assert daemon.ask("save", sid)["version"] == 2
        told = daemon.ask("status")
        assert told["state"] == "degraded"
        assert told["app_tables"]["behind_count"] == 1
        assert "behind" in daemon.cli("status").stdout

    assert build_of(app, sid, len(PROJECT) + 1)
    until(lambda: daemon.ask("status")["app_tables"]["behind_count"] == 0, "in step")
    assert "app's row mended" in daemon.log


def test_a_trigger_of_the_app_that_does_not_end_holds_up_no_save(app, daemon, site):
    sid, place = site.session()
    write(place, PROJECT)
    daemon.ask("save", sid)
    build_of(app, sid)
    with app_on(site.database_url) as theirs:
        theirs.execute(
            "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$"
        )
        theirs.execute(
            'CREATE TRIGGER slowly BEFORE UPDATE ON "BuildSession"'
            " FOR EACH ROW EXECUTE FUNCTION slowly()"
        )
        write(place, {"new.js": "new"})
        try:
            assert daemon.ask("save", sid)["version"] == 2
        finally:
            theirs.execute("DROP FUNCTION slowly CASCADE")

    assert build_of(app, sid, len(PROJECT) + 1)
    until(lambda: daemon.ask("status")["app_tables"]["behind_count"] == 0, "in step")


def test_what_the_app_deletes_is_deleted_softly(app, daemon, site):
    sid, place = site.session()
    write(place, PROJECT)
    daemon.ask("save", sid)
    build_of(app, sid)

    app.sql('DELETE FROM "BuildSession" WHERE "sessionId" = %s', sid)
    until(lambda: sid in daemon.cli("sessions", "--deleted").stdout, "a soft deletion")
    daemon.ask("undelete", sid)

    assert build_of(app, sid)["projectName"] == "Shop"


def test_the_doctor_looks_at_them(app, daemon):
    checks = {one["name"]: one for one in daemon.ask("doctor")["checks"]}

    assert checks["app's tables"]["state"] == "ok"
