"""What tells how all hosts are, put together."""

from expokeep.catalog.base import Catalog
from expokeep.catalog.figures import PostgresFigures
from expokeep.wiring.backends import database_of


def figures_of(held: Catalog) -> PostgresFigures | None:
    """Return it; None where no database is configured."""
    database = database_of(held)
    return PostgresFigures(database) if database else None
