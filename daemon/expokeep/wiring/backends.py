"""Postgres and the bucket, as the settings name them: opened, or saying what to set."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn, cast

from expokeep.catalog import migrate
from expokeep.catalog.base import Catalog
from expokeep.catalog.connection import Database, Limits
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.errors import ConfigError, ExpokeepError
from expokeep.log import get
from expokeep.settings.policies import SCOPE, quotas_of
from expokeep.settings.values import Settings
from expokeep.store.base import Store
from expokeep.store.outlet import Outlet, RetryingOutlet
from expokeep.store.retrying import RetryPolicy
from expokeep.store.s3 import bucket as s3_bucket
from expokeep.store.s3.outlet import S3Outlet
from expokeep.store.settings import S3Settings

log = get(__name__)

_FIRST_RETRY_S = 0.5
UNCONFIGURED_HINT = (
    "`expokeep config show --sources` shows what is set. Where systemd hands the "
    "credentials over, root says where they are: "
    "`CREDENTIALS_DIRECTORY=/etc/expokeep/credentials expokeep ...`; is the file there?"
)


@dataclass(frozen=True, slots=True)
class Backends:
    """Where things are kept."""

    catalog: Catalog
    store: Store


class _Unconfigured:
    """Stands where a server is not configured: every call says what to set."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        def refuse(*_: object, **__: object) -> NoReturn:
            error = ConfigError(self._reason)
            error.hint = UNCONFIGURED_HINT
            raise error

        return refuse

    def close(self) -> None:
        """Close nothing."""


@contextlib.contextmanager
def catalog(settings: Settings, *, caller: str = "expokeep") -> Iterator[Catalog]:
    """Hold the catalog open. Connects when it is first asked something.

    `caller` is what Postgres lists us as.
    """
    database = settings.database
    if database.url is None:
        reason = "the catalog is not configured: set DATABASE_URL or database.url"
        yield cast("Catalog", _Unconfigured(reason))  # it answers to every name
        return
    limits = Limits(pool_size=database.pool_size)
    held = PostgresCatalog(
        Database(database.url, schema=database.schema, caller=caller, limits=limits),
        scope=SCOPE,
        quotas=quotas_of(settings),
    )
    with contextlib.closing(held):
        yield held


@contextlib.contextmanager
def store(settings: Settings) -> Iterator[Store]:
    """Hold the bucket open. Its waits end when the caller leaves."""
    storage = settings.storage
    if not storage.configured:
        reason = f"storage is not configured: set {', '.join(storage.missing)}"
        yield cast("Store", _Unconfigured(reason))  # it answers to every name
        return
    stopping = threading.Event()
    policy = RetryPolicy(
        attempts=storage.retries + 1,
        first_s=min(_FIRST_RETRY_S, storage.retry_max_delay_s),
        most_s=storage.retry_max_delay_s,
    )
    with contextlib.closing(S3Outlet(bucket(settings))) as held:
        try:
            yield RetryingOutlet(held, policy, wait=stopping.wait, chance=random.random)
        finally:
            stopping.set()


def bucket(settings: Settings) -> S3Settings:
    """Return where the bucket is, for the driver.

    Raises:
        ConfigError: it is not configured.
    """
    storage = settings.storage
    if (
        storage.endpoint is None
        or storage.access_key_id is None
        or storage.secret_access_key is None
    ):
        raise ConfigError(f"storage needs {', '.join(storage.missing)}")
    return S3Settings(
        endpoint_url=storage.endpoint,
        bucket=storage.bucket,
        access_key_id=storage.access_key_id,
        secret_access_key=storage.secret_access_key,
        region=storage.region,
        force_path_style=storage.force_path_style,
        concurrency=storage.concurrency,
        part_size_bytes=storage.part_size_bytes,
        part_concurrency=storage.part_concurrency,
        attempts=1,  # the one loop that repeats is `store.retrying`
    )


@contextlib.contextmanager
def backends(settings: Settings, *, caller: str = "expokeep") -> Iterator[Backends]:
    """Hold both open."""
    with (
        catalog(settings, caller=caller) as held_catalog,
        store(settings) as held_store,
    ):
        yield Backends(held_catalog, held_store)


def database_of(held: Catalog) -> Database | None:
    """Return the way to Postgres, for those who ask it more than a catalog answers.

    None where no database is configured: there is nothing to look after.
    """
    return held.database if isinstance(held, PostgresCatalog) else None


def outlet_of(held: Store) -> Outlet:
    """Return the bucket as others may see it.

    Raises:
        ConfigError: no bucket is configured.
    """
    if not isinstance(held, RetryingOutlet):
        raise ConfigError("storage is not configured: nothing can be lent or published")
    return held


def require_schema(held: Catalog) -> None:
    """Check that the catalog has a schema that we can work on, if it answers at all.

    Its silence is no reason not to start: what is captured waits in the spool.

    Raises:
        ConfigError: the schema is missing, too old or too new.
    """
    try:
        status = held.schema_status()
    except ExpokeepError as error:
        log.warning("catalog not asked", error=str(error))
    else:
        migrate.require_schema(status)


def create_bucket(settings: Settings) -> None:
    """Make the bucket if it is not there. Only for servers of our own."""
    s3_bucket.create_bucket(bucket(settings))
