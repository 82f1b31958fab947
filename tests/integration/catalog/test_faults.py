"""When Postgres goes, stalls, or loses an answer: nothing is lost or done twice."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from cataloging import SHOP, Scribe, a_file
from expokeep import clock
from expokeep.catalog.connection import Database, Limits
from expokeep.catalog.faults import is_worth_repeating, translated
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.embedded.postgres import running_postgres
from expokeep.errors import AccessDenied, BackendUnreachable, Busy, ConfigError
from wires import COMMITTED, wire_to

TREE = {b"a": a_file(b"a")}
QUICK = Limits(pool_size=2, connect_s=2.0, answer_s=0.6)


@contextlib.contextmanager
def catalog_on(dsn, limits=None):
    catalog = PostgresCatalog(Database(dsn, limits=limits))
    try:
        yield catalog
    finally:
        catalog.close()


@pytest.fixture
def wired(catalog_url):
    """A wire, and a catalog behind it that is quick to lose patience."""
    with wire_to(catalog_url) as (wire, dsn), catalog_on(dsn, QUICK) as catalog:
        yield wire, catalog


def terminate_all(dsn):
    """End every other connection to this database, as an operator would."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_lost_answer_to_a_commit_is_not_a_second_version(wired, catalog):
    wire, distant = wired
    scribe = Scribe(distant)
    new = scribe.draft(TREE)
    wire.cut_at = COMMITTED

    version = distant.commit(new)

    assert wire.cuts == 1
    assert distant.database.retries == {"none": 1}
    assert catalog.versions(SHOP) == [version]
    assert catalog.tree(version) == TREE


def test_a_lost_answer_to_opening_does_not_move_the_fence(wired):
    wire, distant = wired
    wire.cut_at = COMMITTED

    opened = Scribe(distant).open()

    assert wire.cuts == 1
    assert (opened.fence, opened.epoch) == (1, 1)


def test_a_black_hole_in_the_middle_ends_soon(wired):
    wire, distant = wired
    scribe = Scribe(distant)
    new = scribe.draft(TREE)
    wire.dead.set()
    began_s = clock.monotonic_s()

    with pytest.raises(BackendUnreachable):
        distant.commit(new)

    assert clock.monotonic_s() - began_s < 4 * QUICK.answer_s


def test_after_a_black_hole_it_goes_on(wired):
    wire, distant = wired
    scribe = Scribe(distant)
    new = scribe.draft(TREE)
    wire.dead.set()
    with pytest.raises(BackendUnreachable):
        distant.commit(new)

    wire.dead.clear()

    assert distant.commit(new).seq == 1


def test_a_black_hole_while_connecting_ends_soon(catalog_url):
    with wire_to(catalog_url) as (wire, dsn), catalog_on(dsn, QUICK) as catalog:
        wire.dead.set()
        began_s = clock.monotonic_s()

        with pytest.raises(BackendUnreachable):
            catalog.server_time()

        assert clock.monotonic_s() - began_s < 3 * QUICK.connect_s


def test_a_statement_that_takes_too_long_is_ended_by_postgres(catalog_url):
    with catalog_on(catalog_url, QUICK) as catalog:

        def work(connection):
            connection.execute("SELECT pg_sleep(60)")

        with pytest.raises(BackendUnreachable, match="statement timeout"):
            catalog.database.run(work)

        assert catalog.server_time()


def test_connections_that_were_ended_are_replaced(catalog, catalog_url):
    scribe = Scribe(catalog)
    scribe.record(TREE)
    terminate_all(catalog_url)

    assert scribe.record({}).seq == 2
    assert sum(catalog.database.retries.values()) == 1


def test_connections_that_broke_together_are_replaced_together(catalog, catalog_url):
    def work(_connection, depth=4):
        if depth:
            catalog.database.run(lambda connection: work(connection, depth - 1))

    catalog.database.run(work)
    terminate_all(catalog_url)

    assert catalog.server_time()
    assert sum(catalog.database.retries.values()) == 1


def test_a_transaction_that_was_ended_is_repeated_whole(catalog, catalog_url):
    attempts = []

    def work(connection):
        with connection.transaction():
            connection.execute("INSERT INTO scope (name) VALUES ('x')")
            attempts.append(connection)
            if len(attempts) == 1:
                terminate_all(catalog_url)
            return connection.execute("SELECT name FROM scope").fetchall()

    assert catalog.database.run(work) == [("x",)]
    assert len(attempts) == 2


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.SerializationFailure(),
        psycopg.errors.DeadlockDetected(),
        psycopg.errors.AdminShutdown(),
        psycopg.errors.CrashShutdown(),
        psycopg.errors.CannotConnectNow(),
        psycopg.errors.TooManyConnections(),
        psycopg.errors.ConnectionFailure(),
        psycopg.OperationalError("server closed the connection unexpectedly"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_worth_asking_again(error):
    assert is_worth_repeating(error)
    assert isinstance(translated(error), BackendUnreachable | Busy)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.UniqueViolation(),
        psycopg.errors.QueryCanceled(),
        psycopg.errors.ConnectionTimeout(),
        psycopg.OperationalError('FATAL: password authentication failed for user "x"'),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_will_not_pass_is_not_asked_again(error):
    assert not is_worth_repeating(error)


def test_asking_again_is_counted_and_ends(catalog):
    attempts = []

    def work(connection):
        attempts.append(connection)
        raise psycopg.errors.SerializationFailure

    with pytest.raises(Busy):
        catalog.database.run(work)

    assert len(attempts) == Limits().attempts
    assert catalog.database.retries == {"40001": len(attempts) - 1}


def test_what_will_not_pass_is_asked_once(catalog):
    attempts = []

    def work(connection):
        attempts.append(connection)
        connection.execute("SELECT 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        catalog.database.run(work)

    assert len(attempts) == 1


def test_pauses_grow_and_are_not_all_the_same():
    low = list(Database("", chance=lambda: 0.0)._pauses_s())
    high = list(Database("", chance=lambda: 1.0)._pauses_s())

    assert low == sorted(low)
    assert all(2 * soon == late for soon, late in zip(low, high, strict=True))
    assert sum(high) < 5


def test_nobody_waits_for_a_catalog_that_is_closed(catalog):
    waiting, outcomes = threading.Event(), []

    def work(_connection):
        waiting.set()
        raise psycopg.OperationalError("gone")

    def ask():
        with pytest.raises(BackendUnreachable) as caught:
            catalog.database.run(work)
        outcomes.append(caught.value)

    thread = threading.Thread(target=ask)
    thread.start()
    waiting.wait(5)
    catalog.close()
    thread.join(5)

    assert len(outcomes) == 1
    with pytest.raises(BackendUnreachable):
        catalog.server_time()


def test_a_wrong_password_is_told_at_once(postgres_server):
    dsn = psycopg.conninfo.make_conninfo(
        postgres_server.dsn, user="nobody-we-know", password="wrong"
    )
    began_s = clock.monotonic_s()

    with catalog_on(dsn) as catalog, pytest.raises(AccessDenied):
        catalog.server_time()

    assert clock.monotonic_s() - began_s < 2


def test_a_database_that_is_not_there_is_a_wrong_setting(postgres_server):
    dsn = psycopg.conninfo.make_conninfo(postgres_server.dsn, dbname="no-such")

    with catalog_on(dsn) as catalog, pytest.raises(ConfigError, match="no-such"):
        catalog.server_time()


def test_a_server_that_is_not_there_is_unreachable_soon():
    dsn = "host=127.0.0.1 port=1 user=x password=not-shown"
    began_s = clock.monotonic_s()

    with catalog_on(dsn) as catalog, pytest.raises(BackendUnreachable) as caught:
        catalog.server_time()

    assert "refused" in str(caught.value)
    assert "not-shown" not in str(caught.value)
    assert clock.monotonic_s() - began_s < 5


def test_a_url_that_cannot_be_read_is_not_quoted():
    with (
        catalog_on("postgresql://me:s3cret@[host") as catalog,
        pytest.raises(ConfigError) as caught,
    ):
        catalog.server_time()

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_every_connection_in_use_is_a_state_and_not_a_hang(catalog_url):
    with catalog_on(catalog_url, Limits(pool_size=1, connect_s=0.3)) as catalog:

        def work(_connection):
            with pytest.raises(BackendUnreachable):
                catalog.server_time()

        catalog.database.run(work)

        assert catalog.server_time()


def test_an_error_that_nobody_foresaw_still_has_a_name():
    assert "OperationalError" in str(translated(psycopg.OperationalError()))


@pytest.fixture
def own_server():
    """Starts servers on one directory, for tests that kill them."""
    directory = Path(tempfile.mkdtemp(prefix="keep-kill-", dir="/tmp"))
    directory.chmod(0o755)
    yield lambda: running_postgres(directory)
    shutil.rmtree(directory)


def wait_until_gone(catalog):
    """Wait until nobody answers: children outlive a killed Postgres by a moment."""
    until_s = clock.monotonic_s() + 20
    with contextlib.suppress(BackendUnreachable):
        while catalog.server_time():
            assert clock.monotonic_s() < until_s, "it still answers"


def test_a_postgres_that_was_killed_comes_back_with_every_version(own_server):
    with contextlib.ExitStack() as stack:
        with own_server() as server:
            catalog = stack.enter_context(catalog_on(server.dsn))
            catalog.migrate()
            scribe = Scribe(catalog)
            first = scribe.record(TREE)
            new = scribe.draft({b"b": a_file(b"b")})
            os.kill(server.pid, signal.SIGKILL)
            wait_until_gone(catalog)
            with pytest.raises(BackendUnreachable):
                catalog.commit(new)

        stack.enter_context(own_server())
        second = catalog.commit(new)

        assert catalog.versions(SHOP) == [second, first]
        assert catalog.tree(first) == TREE
