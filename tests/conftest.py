"""Real servers for tests: one Postgres and one S3 server for a whole session.

Both are started by the first test that asks, and share nothing between tests: each gets
an empty database and a bucket's name of its own. Set EXPOKEEP_TEST_DSN to the DSN of a
superuser to run against any other Postgres.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.embedded.postgres import Postgres, running_postgres
from expokeep.embedded.seaweed import Seaweed, running_seaweed


@dataclass(frozen=True, slots=True)
class GivenPostgres:
    """A server that somebody else runs."""

    dsn: str = field(repr=False)


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """A directory for servers: unlike those of pytest, any user may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="keep-tests-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres_server(servers_dir: Path) -> Iterator[Postgres | GivenPostgres]:
    """A Postgres whose `dsn` may create databases."""
    given = os.environ.get("EXPOKEEP_TEST_DSN")
    if given:
        yield GivenPostgres(given)
        return
    with running_postgres(servers_dir, durable=False) as postgres:
        yield postgres


@pytest.fixture
def database_url(postgres_server: Postgres | GivenPostgres) -> Iterator[str]:
    """The DSN of an empty database that is this test's own."""
    name = f"test_{uuid.uuid4().hex}"
    database = sql.Identifier(name)
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        yield make_conninfo(postgres_server.dsn, dbname=name)
        # FORCE: a test may have left connections of a process that it killed.
        connection.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(database))


@pytest.fixture(scope="session")
def s3_server(servers_dir: Path) -> Iterator[Seaweed]:
    """An S3 server without buckets."""
    with running_seaweed(servers_dir) as seaweed:
        yield seaweed


@pytest.fixture
def bucket_name() -> str:
    """The name of a bucket that is this test's own, and does not exist yet."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def catalog_template(postgres_server) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    name = f"template_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        catalog = PostgresCatalog(
            Database(make_conninfo(postgres_server.dsn, dbname=name))
        )
        catalog.migrate()
        catalog.close()
        yield name
        drop = sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name))
        connection.execute(drop)


@pytest.fixture
def catalog_url(postgres_server, catalog_template) -> Iterator[str]:
    """The DSN of a migrated database that is this test's own."""
    name = f"catalog_{uuid.uuid4().hex}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(catalog_template)
    )
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute(copy)
        yield make_conninfo(postgres_server.dsn, dbname=name)
        drop = sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name))
        connection.execute(drop)


@pytest.fixture
def catalog(catalog_url) -> Iterator[PostgresCatalog]:
    """A catalog that is this test's own, and empty."""
    catalog = PostgresCatalog(Database(catalog_url))
    yield catalog
    catalog.close()
