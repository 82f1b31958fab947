"""What keeps the app's tables in step, put together."""

from collections.abc import Collection, Mapping

from expokeep.catalog.base import Catalog
from expokeep.catalog.legacy import PostgresLegacy as LegacyTables
from expokeep.catalog.legacy_values import Wish
from expokeep.errors import ConfigError
from expokeep.history.contents import Reader
from expokeep.legacy.keep import Keeper
from expokeep.legacy.ports import Publish
from expokeep.model.digest import Digest
from expokeep.settings.values import Settings
from expokeep.wiring.backends import catalog, database_of
from expokeep.wiring.engine import Engine

__all__ = ["LegacyTables", "legacy_keeper", "legacy_tables", "make_app_tables"]


def legacy_tables(held: Catalog) -> LegacyTables | None:
    """Return the app's tables; None where no database is configured."""
    database = database_of(held)
    return None if database is None else LegacyTables(database)


def legacy_keeper(engine: Engine, publish: Publish) -> Keeper | None:
    """Return what keeps them in step; None where no database is configured."""
    tables = legacy_tables(engine.backends.catalog)
    if tables is None:
        return None
    held = engine.backends.catalog

    def read(digests: Collection[Digest]) -> Mapping[Digest, bytes]:
        reader = Reader(held, lambda places: engine.fetcher.blobs(places, held.places))
        return reader.read(digests)

    return Keeper(tables, read, publish, wish_of(engine.settings))


def make_app_tables(settings: Settings) -> bool:
    """Make the app's tables where there are none; return whether that was so.

    Raises:
        ConfigError: no database is configured, or the app's schema is not there.
    """
    with catalog(settings) as held:
        tables = legacy_tables(held)
        if tables is None:
            raise ConfigError("the catalog is not configured: set DATABASE_URL")
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
