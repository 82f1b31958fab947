"""What looks after what is kept, put together; nothing where nothing is configured."""

from expokeep.catalog.base import Catalog
from expokeep.catalog.maintaining import MaintenanceLock
from expokeep.catalog.usage import PostgresUsage
from expokeep.wiring.backends import Backends, database_of


def maintenance_lock(held: Backends) -> MaintenanceLock | None:
    """Return what tells which daemon looks after what is kept."""
    database = database_of(held.catalog)
    return None if database is None else MaintenanceLock(database)


def usage_of(held: Catalog) -> PostgresUsage | None:
    """Return where it is written down what was used."""
    database = database_of(held)
    return None if database is None else PostgresUsage(database)
