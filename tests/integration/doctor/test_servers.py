"""A Postgres that is not what we need, really made so."""

import contextlib
import datetime
import uuid

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from expokeep import wiring
from expokeep.catalog.connection import Database
from expokeep.catalog.examining import Examining, Server, called
from expokeep.doctor import servers
from expokeep.doctor.servers import Ourselves, postgres
from expokeep.errors import AccessDenied, BackendUnreachable, NotFound
from expokeep.settings.load import load

GOOD = Server(
    version=150_004,
    connections=97,
    connected=4,
    is_read_only=False,
    is_durable=True,
    is_private=True,
)


def url_of(dsn):
    parts = conninfo_to_dict(dsn)
    return make_conninfo(**{name: str(value) for name, value in parts.items()})


def looked(dsn, ourselves=None, **flags):
    environ = {"HOME": "/nowhere", "DATABASE_URL": dsn}
    settings = load(path=None, environ=environ, flags=flags).settings
    with wiring.catalog(settings) as catalog:
        return {one.name: one for one in postgres(settings, catalog, ourselves)}


@contextlib.contextmanager
def role(server_dsn, dsn):
    """Give a way to a database as a role that may connect, and nothing else."""
    name, password = f"poor_{uuid.uuid4().hex}", uuid.uuid4().hex
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(password)
            )
        )
        try:
            yield make_conninfo(dsn, user=name, password=password), name
        finally:
            with psycopg.connect(dsn, autocommit=True) as there:
                there.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_a_catalog_that_is_as_it_should_be(catalog_url):
    found = looked(catalog_url)

    states = {name: one.state for name, one in found.items()}
    # The servers of tests may lose what they have acknowledged: it makes them quick.
    assert states.pop("postgres durability") in {"ok", "warning"}
    assert set(states.values()) == {"ok"}
    assert {"schema", "clock", "postgres version", "postgres rights"} <= set(states)


def test_a_server_that_does_not_answer_or_is_not_named():
    silent = looked("postgresql://x:canary-pw@127.0.0.1:9/x")["postgres"]
    environ = {"HOME": "/nowhere"}
    settings = load(path=None, environ=environ, flags={}).settings
    with wiring.catalog(settings) as catalog:
        (unset,) = postgres(settings, catalog, None)

    assert (silent.state, unset.state) == ("error", "error")
    assert "canary" not in silent.detail
    assert "CREDENTIALS_DIRECTORY" in unset.hint


@pytest.mark.parametrize(
    ("error", "leads_to"),
    [
        (BackendUnreachable("no"), "The bucket or Postgres does not answer"),
        (AccessDenied("no"), "Credentials or settings are wrong"),
        (NotFound("no"), ""),
    ],
)
def test_nobody_who_asks_is_sent_to_ask_again(error, leads_to):
    assert leads_to in servers.hint_of(error)
    assert "expokeep doctor" not in servers.hint_of(error)


def test_a_hint_that_says_more_than_its_kind_stays():
    error = AccessDenied("no")
    error.hint = "The clock is wrong."

    assert servers.hint_of(error) == "The clock is wrong."


def test_a_schema_that_is_missing(database_url):
    found = looked(database_url)["schema"]

    assert (found.state, "db migrate" in found.hint) == ("warning", True)


def test_a_schema_of_a_newer_program(catalog_url):
    with psycopg.connect(catalog_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO expokeep.schema_migration (number, name, checksum)"
            " VALUES (9999, 'of tomorrow', '')"
        )

    assert looked(catalog_url)["schema"].state == "error"


def test_a_role_without_rights(postgres_server, catalog_url):
    with role(postgres_server.dsn, catalog_url) as (poor, name):
        with psycopg.connect(catalog_url, autocommit=True) as connection:
            grants = "GRANT USAGE ON SCHEMA expokeep TO {0};"
            grants += "GRANT SELECT ON ALL TABLES IN SCHEMA expokeep TO {0}"
            connection.execute(sql.SQL(grants).format(sql.Identifier(name)))
        found = looked(poor)["postgres rights"]

    assert found.state == "error"
    assert "GRANT" in found.hint


def test_a_database_that_takes_no_writes(catalog_url):
    name = conninfo_to_dict(catalog_url)["dbname"]
    with psycopg.connect(catalog_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
                sql.Identifier(str(name))
            )
        )

    assert looked(catalog_url)["postgres role"].state == "error"


def test_more_connections_than_there_are(catalog_url):
    found = looked(catalog_url, **{"database.pool-size": 100})

    assert found["postgres connections"].state == "warning"


def test_what_no_server_of_a_test_can_be():
    settings = load(path=None, environ={"HOME": "/nowhere"}, flags={}).settings
    wrong = Server(
        version=130_012,
        connections=100,
        connected=99,
        is_read_only=True,
        is_durable=False,
        is_private=False,
    )

    good = {one.name: one.state for one in servers._server(settings, GOOD)}
    bad = {one.name: one.state for one in servers._server(settings, wrong)}

    assert set(good.values()) == {"ok"}
    assert bad == {
        "postgres version": "error",
        "postgres role": "error",
        "postgres connections": "warning",
        "postgres durability": "warning",
        "postgres encryption": "warning",
    }


@pytest.fixture
def began_at(catalog_url):
    with psycopg.connect(catalog_url) as connection:
        (now,) = connection.execute("SELECT clock_timestamp()").fetchone()
    return now


def test_another_process_with_our_host_id_is_a_twin_and_no_other_is(
    catalog_url, began_at
):
    host = uuid.uuid4()
    ours = Database(catalog_url, caller=called(host, uuid.uuid4()))
    twin = Database(catalog_url, caller=called(host, uuid.uuid4()))
    other = Database(catalog_url, caller=called(uuid.uuid4(), uuid.uuid4()))
    with contextlib.closing(ours), contextlib.closing(twin), contextlib.closing(other):
        other.run(lambda connection: connection.execute("SELECT 1"))
        assert Examining(ours).twins(host, began_at) == []
        twin.run(lambda connection: connection.execute("SELECT 1"))
        assert len(Examining(ours).twins(host, began_at)) == 1
        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        assert Examining(ours).twins(host, later) == []
        found = looked(catalog_url, Ourselves(host, began_at))["host id"]

    assert found.state == "error"
    assert "host-id" in found.hint
