"""The only room that knows which driver stands behind a Protocol.

Everyone else is handed what is put together here.
"""

from expokeep.wiring.backends import (
    Backends,
    backends,
    bucket,
    catalog,
    create_bucket,
    database_of,
    require_schema,
    store,
)
from expokeep.wiring.caring import maintenance_lock
from expokeep.wiring.engine import Engine, engine
from expokeep.wiring.host import host_of
from expokeep.wiring.reading import Reading, fetcher, home_in, reading, reading_of

__all__ = [
    "Backends",
    "Engine",
    "Reading",
    "backends",
    "bucket",
    "catalog",
    "create_bucket",
    "database_of",
    "engine",
    "fetcher",
    "home_in",
    "host_of",
    "maintenance_lock",
    "reading",
    "reading_of",
    "require_schema",
    "store",
]
