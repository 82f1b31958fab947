"""What only reads: questions about versions, and versions to restore."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock
from expokeep.catalog.base import Catalog
from expokeep.catalog.values import Host
from expokeep.history.history import History
from expokeep.model.names import SessionId
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.restore.local import Home, LocalSource
from expokeep.settings.values import Settings
from expokeep.store.base import Store
from expokeep.wiring.backends import backends
from expokeep.wiring.host import host_of


@contextlib.contextmanager
def fetcher(settings: Settings, held: Store) -> Iterator[Fetcher]:
    """Hold what brings contents home."""
    parallelism = settings.restore.parallelism
    cache = RangeCache(
        settings.state_dir / "cache",
        settings.restore.cache_size_bytes,
        min_free_bytes=settings.spool.min_free_bytes,
    )
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
    host = host_of(settings)
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


def home_in(settings: Settings) -> Home:
    """Return what tells where a session lives if it lives on this host."""

    def home(session: SessionId) -> Path:
        return settings.watch[0].dir / f"expo-{session}"

    return home
