"""What checks and drills stand on, put together."""

import contextlib
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock
from expokeep.catalog.checking import PostgresChecking
from expokeep.catalog.connection import Database
from expokeep.catalog.drilling import PostgresSampler
from expokeep.catalog.mending import PostgresMending
from expokeep.catalog.proofs import PostgresProofs
from expokeep.catalog.values import Host
from expokeep.check.copies import Copies
from expokeep.check.packer import Packer
from expokeep.check.repair import Repairer
from expokeep.check.run import Checker
from expokeep.check.spooled import SpoolRepairer
from expokeep.errors import ConfigError, UsageError
from expokeep.history.naming import Naming
from expokeep.model.names import SessionId
from expokeep.model.version import Version
from expokeep.restore.drill import Drill
from expokeep.restore.fetch import Fetcher
from expokeep.settings.policies import SCOPE
from expokeep.settings.values import Settings
from expokeep.wiring.backends import Backends, backends, database_of
from expokeep.wiring.engine import Engine
from expokeep.wiring.host import host_of
from expokeep.wiring.reading import fetcher

DRILL_AHEAD = 4
"""Ranges on their way at once: a drill must not hold up a restore."""
MOST_DRILLS = 1000
_ANY_SIZE = 2**62

Homes = Callable[[SessionId], Collection[Path]]
"""Tells in which directories of this host a session lives."""


@dataclass(frozen=True, slots=True)
class Proving:
    """All that proves what is kept."""

    checker: Checker
    drill: Drill
    proofs: PostgresProofs
    naming: Naming


@contextlib.contextmanager
def proving(settings: Settings) -> Iterator[Proving]:
    """Hold what `--direct` needs to check and to drill.

    Raises:
        ConfigError: no database is configured.
    """
    host = host_of(settings)
    with (
        backends(settings) as held,
        fetcher(settings, held.store) as fetching,
    ):
        yield proving_of(settings, held, fetching, host)


def proving_of(
    settings: Settings, held: Backends, fetching: Fetcher, host: Host
) -> Proving:
    """Return what proves, on backends that are open.

    Raises:
        ConfigError: no database is configured.
    """
    database = _database(held)
    proofs = PostgresProofs(database, host)
    return Proving(
        checker=Checker(
            ledger=PostgresChecking(database, SCOPE),
            proofs=proofs,
            store=held.store,
            executor=fetching.executor,
            prefix=f"{settings.storage.prefix}{SCOPE}/",
            now=clock.now,
        ),
        drill=Drill(
            catalog=held.catalog,
            sampler=PostgresSampler(database, SCOPE),
            proofs=proofs,
            fetcher=Fetcher(
                held.store, fetching.cache, fetching.executor, ahead=DRILL_AHEAD
            ),
            scratch=settings.state_dir / "drill",
            host=host.name,
            now=clock.now,
            min_free_bytes=settings.spool.min_free_bytes,
        ),
        proofs=proofs,
        naming=Naming(held.catalog, clock.now),
    )


def proofs_of(held: Backends, host: Host) -> PostgresProofs | None:
    """Return where proofs are written down; None without a database."""
    database = database_of(held.catalog)
    return None if database is None else PostgresProofs(database, host)


def repairer_of(engine: Engine, homes: Homes) -> Repairer:
    """Return what mends a catalog and its packs, beside a running daemon.

    Raises:
        ConfigError: no database is configured.
    """
    settings, held = engine.settings, engine.backends
    database = _database(held)
    ledger = PostgresChecking(database, SCOPE)
    mender = PostgresMending(database, engine.host, SCOPE)
    proving = proving_of(settings, held, engine.fetcher, engine.host)
    return Repairer(
        checker=proving.checker,
        ledger=ledger,
        mender=mender,
        store=held.store,
        copies=Copies(ledger, mender, held.store, engine.spool, homes),
        packer=Packer(held.store, mender, SCOPE, settings.storage.prefix),
        places=held.catalog.places,
        scratch=settings.state_dir / "repair",
    )


def spool_repairer_of(engine: Engine, homes: Homes) -> SpoolRepairer:
    """Return what mends the spool of a running daemon."""
    return SpoolRepairer(engine.spool, engine.backends.store, homes)


def chosen_versions(proving: Proving, version: str | None, count: int) -> list[Version]:
    """Return the version that is named, or so many others at random.

    Raises:
        NotFound: there is no such version.
        UsageError: these words name none, or it is no number of versions.
    """
    if version is not None:
        return [proving.naming.version(version)]
    if not 0 < count <= MOST_DRILLS:
        raise UsageError(f"drill 1 to {MOST_DRILLS} versions at a time")
    seed = uuid.uuid4().hex
    return proving.drill.sampler.some(count, seed=seed, at_most_bytes=_ANY_SIZE)


def _database(held: Backends) -> Database:
    database = database_of(held.catalog)
    if database is None:
        raise ConfigError(
            "the catalog is not configured: set DATABASE_URL or database.url"
        )
    return database
