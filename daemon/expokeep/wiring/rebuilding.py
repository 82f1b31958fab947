"""The journey back and what prepares it, put together."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from expokeep.catalog.generations import PostgresGenerations
from expokeep.catalog.maintaining import MaintenanceLock
from expokeep.catalog.noting import PostgresFacts
from expokeep.catalog.reviver import PostgresRebuilding
from expokeep.errors import ConfigError
from expokeep.rebuild.abandoned import Adopter
from expokeep.rebuild.folding import Folder
from expokeep.rebuild.noting import Noter
from expokeep.rebuild.run import Tools
from expokeep.rebuild.values import Progress
from expokeep.retention.generation import Guard, newest
from expokeep.settings.policies import SCOPE, guard_of
from expokeep.settings.values import Settings
from expokeep.wiring.backends import Backends, backends, database_of

_READERS = 32
_ENOUGH = 500
"""So many facts are worth an object, however young they are."""


def generation_guard(settings: Settings, held: Backends) -> Guard:
    """Return what stands before every deletion of objects, and before facts.

    Raises:
        ConfigError: no database is configured.
    """
    database = database_of(held.catalog)
    if database is None:
        raise ConfigError("the catalog is not configured: set DATABASE_URL")
    return Guard(PostgresGenerations(database), held.store, settings.storage.prefix)


def noter(settings: Settings, held: Backends) -> Noter | None:
    """Return what writes facts into the bucket, where there are both."""
    database = database_of(held.catalog)
    if database is None:
        return None
    return Noter(
        facts=PostgresFacts(database),
        store=held.store,
        prefix=settings.storage.prefix,
        max_age_s=settings.database.facts_within_s,
        max_count=_ENOUGH,
        guard=generation_guard(settings, held).next,
    )


def adopter(settings: Settings, held: Backends) -> Adopter | None:
    """Return what looks after what dead hosts left, where there are both."""
    database = database_of(held.catalog)
    if database is None:
        return None
    return Adopter(
        catalog=PostgresRebuilding(database, SCOPE),
        read=held.catalog,
        store=held.store,
        prefix=settings.storage.prefix,
        limits=guard_of(settings),
    )


def facts_folder(settings: Settings, held: Backends) -> Folder | None:
    """Return what keeps the objects of facts few, where there are both."""
    if database_of(held.catalog) is None:
        return None
    guard = generation_guard(settings, held)
    return Folder(held.store, settings.storage.prefix, guard.next)


@contextlib.contextmanager
def rebuilding(
    settings: Settings, progress: Progress, *, migrate: bool, writes: bool
) -> Iterator[Tools]:
    """Hold what a rebuild needs, and, if it writes, all others off maintenance.

    Raises:
        Busy: a daemon is at it, or another rebuild.
        ConfigError: Postgres or the bucket is not configured here.
    """
    with backends(settings) as held, ThreadPoolExecutor(_READERS, "rebuild") as pool:
        if migrate:
            held.catalog.migrate()
        database = database_of(held.catalog)
        if database is None:
            raise ConfigError("the catalog is not configured: set DATABASE_URL")
        prefix = settings.storage.prefix
        with contextlib.ExitStack() as stack:
            if writes:
                stack.enter_context(MaintenanceLock(database).held())
            yield Tools(
                store=held.store,
                prefix=prefix,
                catalog=PostgresRebuilding(database, SCOPE),
                read=held.catalog,
                limits=guard_of(settings),
                place=settings.state_dir / "rebuild",
                executor=pool,
                generation_of=lambda objects: newest(objects, prefix),
                progress=progress,
                note=Noter(
                    facts=PostgresFacts(database),
                    store=held.store,
                    prefix=prefix,
                    max_age_s=0.0,
                    max_count=1,
                    guard=lambda: None,  # it is the older one, and is being mended
                ).write,
            )
