"""What makes versions of what is kept already, put together."""

from expokeep import clock
from expokeep.catalog.templates import PostgresTemplates
from expokeep.errors import ConfigError
from expokeep.fork.run import Forker, Record, Site
from expokeep.fork.under_way import UnderWay
from expokeep.settings.policies import SCOPE, policy_of
from expokeep.wiring.backends import Backends, database_of
from expokeep.wiring.engine import Engine


def forker_of(engine: Engine, record: Record, under_way: UnderWay) -> Forker:
    """Return it, on an engine that is open.

    Args:
        engine: of this host.
        record: uploads and records what is sealed, as the one who runs the engine does
            it: a daemon has its shippers.
        under_way: one for the process.
    """
    policy = policy_of(engine.settings)
    return Forker(
        catalog=engine.backends.catalog,
        spool=engine.spool,
        host=engine.host,
        site=Site(SCOPE, policy.key_prefix, policy.incremental_level, policy.fsync),
        record=record,
        now=clock.now,
        under_way=under_way,
    )


def templates_of(held: Backends) -> PostgresTemplates:
    """Return what knows templates.

    Raises:
        ConfigError: no database is configured.
    """
    database = database_of(held.catalog)
    if database is None:
        raise ConfigError("the catalog is not configured: set DATABASE_URL")
    return PostgresTemplates(database)
