"""The only module that knows which driver stands behind a Protocol.

Everyone else is handed what is put together here.
"""

import contextlib
import os
import random
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

from expokeep import clock
from expokeep.catalog import migrate
from expokeep.catalog.base import Catalog
from expokeep.catalog.connection import Database, Limits
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.values import Host
from expokeep.errors import ConfigError, ExpokeepError
from expokeep.history.history import History
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.restore.local import Home, LocalSource
from expokeep.settings.policies import SCOPE, guard_of, policy_of
from expokeep.settings.values import Settings
from expokeep.snapshot.build import Builder
from expokeep.snapshot.claims import Claims
from expokeep.snapshot.keep import Tools
from expokeep.snapshot.memory import Memories
from expokeep.snapshot.run import Snapshotter
from expokeep.snapshot.ship import Progress, Shipper
from expokeep.spool.spool import Spool
from expokeep.store.base import Store
from expokeep.store.retrying import Retrying, RetryPolicy
from expokeep.store.s3 import bucket as s3_bucket
from expokeep.store.s3.bucket import S3Store
from expokeep.store.settings import S3Settings

log = get(__name__)

_COMPRESSING_THREADS = 2
_UPLOADS = 8
"""Big files on their way to the bucket at once, all sessions together."""
_FIRST_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Backends:
    """Where things are kept."""

    catalog: Catalog
    store: Store


@dataclass(frozen=True, slots=True)
class Engine:
    """The two journeys, ready to run."""

    settings: Settings
    host: Host
    backends: Backends
    spool: Spool
    snapshotter: Snapshotter
    shipper: Shipper
    fetcher: Fetcher


class _Unconfigured:
    """Stands where a server is not configured: every call says what to set."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        def refuse(*_: object, **__: object) -> NoReturn:
            raise ConfigError(self._reason)

        return refuse

    def close(self) -> None:
        """Close nothing."""


@contextlib.contextmanager
def catalog(settings: Settings) -> Iterator[Catalog]:
    """Hold the catalog open. Connects when it is first asked something."""
    database = settings.database
    if database.url is None:
        reason = "the catalog is not configured: set DATABASE_URL or database.url"
        yield cast("Catalog", _Unconfigured(reason))  # it answers to every name
        return
    limits = Limits(pool_size=database.pool_size)
    held = PostgresCatalog(
        Database(database.url, schema=database.schema, limits=limits), scope=SCOPE
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
    with contextlib.closing(S3Store(bucket(settings))) as held:
        try:
            yield Retrying(held, policy, wait=stopping.wait, chance=random.random)
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
def backends(settings: Settings) -> Iterator[Backends]:
    """Hold both open."""
    with catalog(settings) as held_catalog, store(settings) as held_store:
        yield Backends(held_catalog, held_store)


@contextlib.contextmanager
def fetcher(settings: Settings, held: Store) -> Iterator[Fetcher]:
    """Hold what brings contents home."""
    parallelism = settings.restore.parallelism
    cache = RangeCache(settings.state_dir / "cache", settings.restore.cache_size_bytes)
    with ThreadPoolExecutor(parallelism, "fetch") as executor:
        yield Fetcher(held, cache, executor, ahead=parallelism)


@dataclass(frozen=True, slots=True)
class Reading:
    """What only reads: questions, and versions to restore."""

    history: History
    source: LocalSource


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[Reading]:
    """Hold what `--direct` needs: no daemon, straight on Postgres and the bucket."""
    host = host_of(settings.state_dir)
    with (
        backends(settings) as held,
        fetcher(settings, held.store) as fetching,
    ):
        yield reading_of(held.catalog, fetching, host, home_in(settings))


def reading_of(held: Catalog, fetching: Fetcher, host: Host, home: Home) -> Reading:
    """Return what only reads, on backends that are open."""
    return Reading(
        history=History(
            held, lambda places: fetching.blobs(places, held.places), clock.now
        ),
        source=LocalSource(held, fetching, host, home=home, now=clock.now),
    )


@contextlib.contextmanager
def engine(settings: Settings, progress: Progress) -> Iterator[Engine]:
    """Hold all that a daemon needs to keep sessions and to give them back."""
    host = host_of(settings.state_dir)
    spool = Spool(settings.spool.path, fsync=settings.spool.fsync != "never")
    spool.open()
    policy = policy_of(settings)
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(backends(settings))
        fetching = stack.enter_context(fetcher(settings, held.store))
        compressing = stack.enter_context(
            ThreadPoolExecutor(_COMPRESSING_THREADS, "compress")
        )
        uploading = stack.enter_context(ThreadPoolExecutor(_UPLOADS, "upload"))
        tools = Tools(
            catalog=held.catalog,
            builder=Builder(spool, policy, compressing),
            claims=Claims(),
            policy=policy,
        )
        compressing.submit(held.store.warm)  # unconfigured, it fails, and that is fine
        memories = Memories(settings.state_dir / "index")
        yield Engine(
            settings=settings,
            host=host,
            backends=held,
            spool=spool,
            snapshotter=Snapshotter(tools, spool, memories, host),
            shipper=Shipper(
                held.catalog,
                held.store,
                spool,
                host,
                progress,
                guard_of(settings),
                uploading,
            ),
            fetcher=fetching,
        )


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


def host_of(state_dir: Path) -> Host:
    """Return who this host is: a random id that its state directory keeps."""
    file = state_dir / "host-id"
    try:
        return Host(uuid.UUID(file.read_text().strip()), socket.gethostname())
    except FileNotFoundError:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        host_id = uuid.uuid4()
        fresh = file.with_suffix(".new")
        fresh.write_text(f"{host_id}\n")
        os.sync()  # or a loss of power leaves an empty file, and no start gets on
        fresh.replace(file)
        return Host(host_id, socket.gethostname())
    except ValueError as error:
        reason = f"{file} does not hold a UUID; remove it to become a new host"
        raise ConfigError(reason) from error


def home_in(settings: Settings) -> Home:
    """Return what tells where a session lives if it lives on this host."""

    def home(session: SessionId) -> Path:
        return settings.watch[0].dir / f"expo-{session}"

    return home
