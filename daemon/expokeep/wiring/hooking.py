"""What hooks stand on, put together; nothing where no database is configured."""

from expokeep.catalog.base import Catalog
from expokeep.catalog.hooking import HookQueue, HookRuns
from expokeep.wiring.backends import database_of
from expokeep.wiring.engine import Engine


def hook_queue(engine: Engine) -> HookQueue | None:
    """Return what this host has to run."""
    database = database_of(engine.backends.catalog)
    if database is None:
        return None
    return HookQueue(database, engine.host, engine.settings.hooks.versions)


def hook_runs(held: Catalog) -> HookRuns | None:
    """Return what was run."""
    database = database_of(held)
    return None if database is None else HookRuns(database)
