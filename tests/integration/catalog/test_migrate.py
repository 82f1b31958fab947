"""The schema: made once, by whoever is first, and understood one step ahead."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cataloging import Scribe, a_file
from expokeep.catalog.connection import Database
from expokeep.catalog.migrate import Migrations, known_migrations, require_schema
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.values import SchemaStatus
from expokeep.errors import AccessDenied, ConfigError

KNOWN = tuple(known_migrations())


@pytest.fixture
def empty(database_url):
    """A catalog in a database without a schema."""
    catalog = PostgresCatalog(Database(database_url))
    yield catalog
    catalog.close()


def test_migrations_are_numbered_without_a_gap():
    numbers = [migration.number for migration in KNOWN]

    assert numbers == list(range(1, len(KNOWN) + 1))


def test_a_schema_is_made_once(empty):
    names = tuple(migration.name for migration in KNOWN)

    assert empty.schema_status() == SchemaStatus(0, len(KNOWN), names)
    assert empty.migrate(dry_run=True) == names
    assert empty.migrate() == names
    assert empty.migrate() == ()
    assert empty.schema_status() == SchemaStatus(len(KNOWN), len(KNOWN), ())


def test_many_may_migrate_at_once(empty):
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: empty.migrate(), range(4)))

    # Who comes between two migrations of another takes the second: each is done once.
    assert sorted(name for names in done for name in names) == sorted(
        migration.name for migration in KNOWN
    )


def test_the_schema_may_have_any_name(database_url):
    name = 'odd "name" of, a % schema'
    catalog = PostgresCatalog(Database(database_url, schema=name))
    catalog.migrate()

    Scribe(catalog).record({b"a": a_file(b"a")})

    catalog.close()
    with psycopg.connect(database_url) as connection:
        table = sql.Identifier(name, "version")
        query = sql.SQL("SELECT count(*) FROM {}").format(table)
        assert connection.execute(query).fetchone() == (1,)


def test_nothing_of_ours_is_in_the_schema_of_the_application(catalog_url):
    with psycopg.connect(catalog_url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()

    assert {schema for schema, _ in tables} == {"expokeep"}


def test_a_migration_that_fails_leaves_nothing(empty):
    broken = replace(KNOWN[0], text=KNOWN[0].text + "SELECT 1 / 0;")
    with empty.database.apart(answer_s=30) as connection:
        migrations = Migrations(connection, (broken,))
        migrations.prepare("expokeep")

        with pytest.raises(psycopg.errors.DivisionByZero):
            migrations.apply(broken, "expokeep")

    assert empty.schema_status().found == 0
    assert len(empty.migrate()) == len(KNOWN)


def test_a_migration_that_was_edited_is_refused(catalog):
    edited = replace(KNOWN[0], text=KNOWN[0].text + "-- oh")
    with (
        catalog.database.apart(answer_s=30) as connection,
        pytest.raises(ConfigError, match="0001"),
    ):
        Migrations(connection, (edited,)).apply(edited, "expokeep")


def test_without_a_schema_we_say_what_to_run(empty):
    with pytest.raises(ConfigError) as caught:
        empty.sessions()

    assert "db migrate" in caught.value.hint


@pytest.mark.parametrize(("found", "known"), [(4, 4), (5, 4)])
def test_a_schema_that_is_one_step_ahead_is_fine(found, known):
    require_schema(SchemaStatus(found, known, ()))


@pytest.mark.parametrize(
    ("found", "known", "hint"),
    [(0, 1, "db migrate"), (3, 4, "db migrate"), (6, 4, "release")],
)
def test_any_other_schema_is_refused_with_what_to_do(found, known, hint):
    with pytest.raises(ConfigError) as caught:
        require_schema(SchemaStatus(found, known, ()))

    assert caught.value.exit_code == 78
    assert hint in caught.value.hint


@pytest.fixture
def plain_role(catalog_url):
    """A role that may use the tables and define nothing; gives a DSN."""
    name = f"keeps_{uuid.uuid4().hex}"
    role = sql.Identifier(name)
    with psycopg.connect(catalog_url, autocommit=True) as connection:
        for statement in (
            "CREATE ROLE {} LOGIN PASSWORD 'made-up'",
            "GRANT USAGE ON SCHEMA expokeep TO {}",
            "GRANT ALL ON ALL TABLES IN SCHEMA expokeep TO {}",
        ):
            connection.execute(sql.SQL(statement).format(role))
        yield make_conninfo(catalog_url, user=name, password="made-up")
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_the_daemon_needs_no_right_to_define_things(plain_role):
    catalog = PostgresCatalog(Database(plain_role))
    scribe = Scribe(catalog)
    tree = {b"a": a_file(b"a"), b"b": a_file(b"b")}
    scribe.record(tree)

    version = scribe.record({b"a": a_file(b"2")})

    require_schema(catalog.schema_status())
    assert catalog.kept(version).tree == {b"a": a_file(b"2")}
    assert len(list(catalog.find(b"*"))) == 3
    with (
        catalog.database.apart(answer_s=30) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE expokeep.more ()")
    catalog.close()


def test_a_role_without_rights_is_told_so(plain_role, catalog_url):
    with psycopg.connect(catalog_url, autocommit=True) as connection:
        role = sql.Identifier(conninfo_to_dict(plain_role)["user"])
        connection.execute(
            sql.SQL("REVOKE SELECT ON expokeep.session FROM {}").format(role)
        )
    catalog = PostgresCatalog(Database(plain_role))

    with pytest.raises(AccessDenied):
        catalog.sessions()

    catalog.close()
