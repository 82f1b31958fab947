"""The app and the daemon as two roles, neither of which may do everything."""

import contextlib
import uuid
from importlib import resources

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from cataloging import SHOP, Scribe, a_file
from databases import fresh_database
from expokeep.catalog.connection import Database
from expokeep.catalog.describing import Descriptions
from expokeep.catalog.legacy import AppNotes, AppRows, AppTables
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.legacy.ports import Ports
from rows import WISH, App, Rows

PROJECT = {b"App.js": a_file(b"app")}
WRITING = "SELECT, INSERT, UPDATE, DELETE"


@pytest.fixture
def roles(postgres_server):
    """Two roles that may log in, and a database in which each has its schema."""
    names = tuple(f"{name}_{uuid.uuid4().hex}" for name in ("keeper", "app"))
    with (
        fresh_database(postgres_server.dsn) as dsn,
        psycopg.connect(dsn, autocommit=True) as admin,
    ):
        for name in names:
            make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret'")
            admin.execute(make.format(sql.Identifier(name)))
        keeper, app = map(sql.Identifier, names)
        admin.execute(sql.SQL("CREATE SCHEMA expokeep AUTHORIZATION {}").format(keeper))
        admin.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(app))
        try:
            yield tuple(
                make_conninfo(dsn, user=name, password="secret") for name in names
            )
        finally:
            for name in (keeper, app):
                admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(name))
                admin.execute(sql.SQL("DROP ROLE {}").format(name))


@contextlib.contextmanager
def both(roles, rights):
    """Give the daemon's role some rights on the tables that the app has made."""
    keeper, app = roles
    database = Database(keeper)
    with (
        contextlib.closing(PostgresCatalog(database)) as catalog,
        contextlib.closing(Database(app, schema="public")) as making,
        psycopg.connect(app, autocommit=True, row_factory=dict_row) as connection,
    ):
        catalog.migrate()
        ports = Ports(
            AppTables(database),
            AppRows(database),
            AppNotes(database),
            Descriptions(database),
        )
        ports.tables.configure(WISH)
        making.run(lambda one: one.execute(prisma()))
        name = conninfo_to_dict(keeper)["user"]
        if rights:
            grant = f'GRANT {rights} ON "BuildSession", "BuildFile" TO {name}'
            connection.execute(grant)
        rows = Rows(catalog, ports, App(connection))
        rows.settle()
        yield rows


def prisma() -> str:
    return (resources.files("expokeep.catalog") / "app_tables.sql").read_text()


def test_with_all_rights_the_app_is_heeded_and_refused(roles):
    with both(roles, f"{WRITING}, TRIGGER") as rows:
        assert rows.ports.tables.find().is_settled
        Scribe(rows.catalog).record(PROJECT)
        rows.require_step()

        rows.app.save(SHOP, userId="u1")
        rows.settle()
        assert rows.catalog.session(SHOP).owner == "u1"
        with pytest.raises(psycopg.errors.RaiseException):
            rows.app.sql('TRUNCATE "BuildSession" CASCADE')
        rows.app.sql('DELETE FROM "BuildSession"')
        rows.settle()
        assert rows.catalog.session(SHOP) is None


def test_without_triggers_the_rows_are_in_step_all_the_same(roles):
    with both(roles, WRITING) as rows:
        assert not rows.ports.notes.standing().has_triggers
        Scribe(rows.catalog).record(PROJECT)
        rows.require_step()

        rows.app.sql('UPDATE "BuildSession" SET "userId" = %s', "u1")
        rows.keeper.compare()
        rows.settle()
        assert rows.catalog.session(SHOP).owner == "u1"


def test_without_rights_the_tables_are_left_alone(roles):
    with both(roles, "") as rows:
        found = rows.ports.tables.find()
        assert (found.is_attached, found.may_write) == (False, False)

        assert Scribe(rows.catalog).record(PROJECT).seq == 1
        assert rows.app.builds() == {}
        assert rows.ports.rows.marks() == []
