"""What adds up, put together."""

from expokeep.accounting.prices import Prices
from expokeep.accounting.run import Accountant
from expokeep.catalog.base import Catalog
from expokeep.catalog.statistics import PostgresStatistics
from expokeep.settings.values import Settings
from expokeep.wiring.backends import database_of


def accountant_of(settings: Settings, held: Catalog) -> Accountant | None:
    """Return it; None where no database is configured."""
    database = database_of(held)
    if database is None:
        return None
    cost = settings.cost
    prices = Prices(
        class_a_per_million=cost.class_a_per_million,
        class_b_per_million=cost.class_b_per_million,
        storage_gb_month=cost.storage_gb_month,
        database_gb_month=cost.database_gb_month,
        has_free_tier=cost.free_tier,
    )
    return Accountant(
        PostgresStatistics(database), prices, cost.monthly_budget, held.server_time
    )
