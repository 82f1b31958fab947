"""What only reads: questions about versions, and versions to restore."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock
from expokeep.catalog.base import Catalog
from expokeep.catalog.past import PostgresPast
from expokeep.catalog.surroundings import PostgresSurroundings
from expokeep.catalog.values import Host
from expokeep.history.history import History
from expokeep.model.names import SessionId
from expokeep.restore.about import Telling
from expokeep.restore.ahead import Holdings, Pending
from expokeep.restore.arrivals import Arrivals, Expect
from expokeep.restore.asides import Asides
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.restore.local import Home, LocalSource
from expokeep.restore.source import AfterRestore, Reserve
from expokeep.restore.spooled import SpooledSource, Ties
from expokeep.settings.policies import guard_of
from expokeep.settings.values import Settings
from expokeep.snapshot.owning import beside
from expokeep.spool.peek import PeekedSpool
from expokeep.store.base import Store
from expokeep.wiring.backends import backends, database_of
from expokeep.wiring.host import host_of
from expokeep.worktree.shelf import Shelf


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
    source: SpooledSource


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[Reading]:
    """Hold what `--direct` needs: no daemon, straight on Postgres and the bucket."""
    spool = PeekedSpool(settings.spool.path)
    with (
        backends(settings) as held,
        fetcher(settings, held.store) as fetching,
    ):
        holdings = holdings_of(settings, spool, host_of(settings))
        yield reading_of(held.catalog, fetching, holdings, home_in(settings))


def holdings_of(settings: Settings, spool: Pending, host: Host) -> Holdings:
    """Return what a host holds, and the rules by which that is recorded."""
    shelf = Shelf(settings.state_dir / "index")
    reserve = reserve_of(settings)
    return Holdings(spool, shelf, host, guard_of(settings), beside, reserve)


def after_restore_of(settings: Settings) -> AfterRestore:
    """Return what this site runs in a directory that was restored."""
    return AfterRestore(settings.hooks.after_restore, settings.hooks.timeout_s)


def reserve_of(settings: Settings) -> Reserve | None:
    """Return what restores leave free, where this host has a spool."""
    try:
        device = settings.spool.path.stat().st_dev
    except OSError:
        return None  # only a daemon needs one, and none ran here
    return Reserve(device, settings.spool.min_free_bytes)


def reading_of(
    held: Catalog,
    fetching: Fetcher,
    holdings: Holdings,
    home: Home,
    expect: Expect = lambda _session, _identity, _tree: None,
) -> Reading:
    """Return what only reads, on backends that are open."""
    recorded = LocalSource(held, fetching, holdings.host, home=home, now=clock.now)
    ties = Ties(
        holdings=holdings,
        telling=Telling(surroundings(held), holdings.host),
        arrivals=Arrivals(held, holdings, home, expect),
        home=home,
    )
    return Reading(
        history=History(
            held,
            lambda places: fetching.blobs(places, held.places),
            clock.now,
            Asides(held, holdings, surroundings(held)),
            past_of(held),
        ),
        source=SpooledSource(recorded, held, fetching, ties, clock.now),
    )


def surroundings(held: Catalog) -> PostgresSurroundings | None:
    """Return what tells what is around a version; None where no database is named."""
    database = database_of(held)
    return PostgresSurroundings(database) if database else None


def past_of(held: Catalog) -> PostgresPast | None:
    """Return what tells more of the past; None where no database is named."""
    database = database_of(held)
    return PostgresPast(database) if database else None


def home_in(settings: Settings) -> Home:
    """Return what tells where a session lives if it lives on this host."""

    def home(session: SessionId) -> Path:
        return settings.watch[0].dir / f"expo-{session}"

    return home
