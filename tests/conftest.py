"""Real servers for tests: one Postgres and one S3 server for a whole session.

Both are started by the first test that asks, and share nothing between tests: each gets
an empty database and a bucket's name of its own. Set EXPOKEEP_TEST_DSN to the DSN of a
superuser to run against any other Postgres.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from psycopg.conninfo import conninfo_to_dict

from daemons import Site, site
from databases import fresh_database
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.embedded.postgres import Postgres, running_postgres
from expokeep.embedded.seaweed import Seaweed, running_seaweed
from expokeep.store.s3 import S3Settings, create_bucket

# Also of daemons that a test starts without a `Site`: many run at once on one host.
os.environ["EXPOKEEP_ADDR"] = "off"

# A machine may be busy: how long an example takes says nothing about our code.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

PrepareSite = Callable[[], AbstractContextManager[Site]]


@dataclass(frozen=True, slots=True)
class GivenPostgres:
    """A server that somebody else runs."""

    dsn: str = field(repr=False)


@pytest.fixture
def as_root() -> None:
    """Fail, with a hint, where a test cannot be somebody else for a while."""
    if os.geteuid() != 0:
        pytest.fail("only root can be somebody else: run the tests as root, as CI does")


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
    with fresh_database(postgres_server.dsn) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def s3_server(servers_dir: Path) -> Iterator[Seaweed]:
    """An S3 server without buckets."""
    with running_seaweed(servers_dir) as seaweed:
        yield seaweed


@pytest.fixture
def s3_bucket(s3_server: Seaweed, bucket_name: str) -> S3Settings:
    """An empty bucket that is this test's own, as a driver is told of it."""
    settings = S3Settings(
        s3_server.endpoint_url,
        bucket_name,
        s3_server.access_key_id,
        s3_server.secret_access_key,
    )
    create_bucket(settings)
    return settings


@pytest.fixture
def bucket_name() -> str:
    """The name of a bucket that is this test's own, and does not exist yet."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def catalog_template(postgres_server: Postgres | GivenPostgres) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    with fresh_database(postgres_server.dsn) as dsn:
        catalog = PostgresCatalog(Database(dsn))
        catalog.migrate()
        catalog.close()
        yield conninfo_to_dict(dsn)["dbname"]


@pytest.fixture
def catalog_url(postgres_server, catalog_template: str) -> Iterator[str]:
    """The DSN of a migrated database that is this test's own."""
    with fresh_database(postgres_server.dsn, catalog_template) as dsn:
        yield dsn


@pytest.fixture
def catalog(catalog_url) -> Iterator[PostgresCatalog]:
    """A catalog that is this test's own, and empty."""
    catalog = PostgresCatalog(Database(catalog_url))
    yield catalog
    catalog.close()


@pytest.fixture(scope="session")
def prepare_site(postgres_server, catalog_template, s3_server) -> PrepareSite:
    """Makes sites for daemons: `with prepare_site() as site`."""

    def prepare() -> AbstractContextManager[Site]:
        return site(postgres_server.dsn, catalog_template, s3_server)

    return prepare
