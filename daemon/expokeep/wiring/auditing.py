"""What writes down who did what, put together."""

from expokeep.catalog.auditing import PostgresAudit
from expokeep.catalog.base import Catalog
from expokeep.wiring.backends import database_of


def audit_of(held: Catalog) -> PostgresAudit | None:
    """Return it; None where no database is configured."""
    database = database_of(held)
    return PostgresAudit(database) if database else None
