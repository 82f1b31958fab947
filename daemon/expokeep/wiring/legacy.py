"""What keeps the app's tables in step, put together."""

from collections.abc import Collection, Mapping

from expokeep.catalog.base import Catalog
from expokeep.catalog.describing import Descriptions
from expokeep.catalog.legacy import AppNotes, AppRows, AppTables
from expokeep.catalog.legacy_values import Wish
from expokeep.errors import ConfigError
from expokeep.history.contents import Reader
from expokeep.legacy.keep import Keeper
from expokeep.legacy.ports import Ports, Publish
from expokeep.model.digest import Digest
from expokeep.settings.values import Settings
from expokeep.wiring.backends import catalog, database_of
from expokeep.wiring.engine import Engine


def legacy_ports(held: Catalog) -> Ports | None:
    """Return the app's tables; None where no database is configured."""
    database = database_of(held)
    if database is None:
        return None
    return Ports(
        AppTables(database),
        AppRows(database),
        AppNotes(database),
        Descriptions(database),
    )


def legacy_keeper(engine: Engine, publish: Publish) -> Keeper | None:
    """Return what keeps them in step; None where no database is configured."""
    ports = legacy_ports(engine.backends.catalog)
    if ports is None:
        return None
    held = engine.backends.catalog

    def read(digests: Collection[Digest]) -> Mapping[Digest, bytes]:
        reader = Reader(held, lambda places: engine.fetcher.blobs(places, held.places))
        return reader.read(digests)

    return Keeper(ports, read, publish, wish_of(engine.settings))


def make_app_tables(settings: Settings) -> bool:
    """Make the app's tables where there are none; return whether that was so.

    Raises:
        ConfigError: no database is configured, or the app's schema is not there.
    """
    with catalog(settings) as held:
        database = database_of(held)
        if database is None:
            raise ConfigError("the catalog is not configured: set DATABASE_URL")
        tables = AppTables(database)
        tables.configure(wish_of(settings))
        return tables.make()


def wish_of(settings: Settings) -> Wish:
    """Return what the settings say of the app's tables."""
    storage, database = settings.storage, settings.database
    within = f"{(storage.endpoint or 'https://unset').rstrip('/')}/{storage.bucket}"
    return Wish(
        app_schema=database.app_schema,
        retention_days=settings.retention.days,
        storage_base=(storage.public_url or within).rstrip("/"),
        shows_tokens=database.legacy_share_token,
    )
