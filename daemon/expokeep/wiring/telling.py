"""What webhooks stand on, put together; nothing where no database is configured."""

from expokeep.catalog.outbox import Outbox
from expokeep.wiring.backends import database_of
from expokeep.wiring.engine import Engine


def outbox(engine: Engine) -> Outbox | None:
    """Return what is to be told."""
    database = database_of(engine.backends.catalog)
    return None if database is None else Outbox(database, engine.host.id)
