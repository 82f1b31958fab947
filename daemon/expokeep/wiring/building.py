"""What knows builds and quotas, put together."""

from expokeep.catalog.builds import PostgresBuilds
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.quotas import PostgresQuotas
from expokeep.errors import ConfigError
from expokeep.model.quota import QuotaRules
from expokeep.settings.values import Settings
from expokeep.wiring.backends import Backends, database_of


def builds_of(settings: Settings, held: Backends) -> PostgresBuilds:
    """Return what lists builds.

    Raises:
        ConfigError: no database is configured.
    """
    if (database := database_of(held.catalog)) is None:
        raise ConfigError("the catalog is not configured: set DATABASE_URL")
    return PostgresBuilds(database, settings.retention.days)


def quota_rules(held: Backends) -> QuotaRules | None:
    """Return the rules that a catalog heeds, if it does."""
    return held.catalog.quotas if isinstance(held.catalog, PostgresCatalog) else None


def user_quotas_of(held: Backends) -> PostgresQuotas:
    """Return what knows how much users may have.

    Raises:
        ConfigError: no database is configured.
    """
    if (database := database_of(held.catalog)) is None:
        raise ConfigError("the catalog is not configured: set DATABASE_URL")
    return PostgresQuotas(database)
