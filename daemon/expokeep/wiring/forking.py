"""What makes versions of what is kept already, put together."""

from expokeep import clock
from expokeep.fork.run import Forker, Record, Site
from expokeep.model.version import Version
from expokeep.settings.policies import SCOPE, policy_of
from expokeep.spool.spool import SpoolEntry
from expokeep.wiring.engine import Engine


def forker_of(engine: Engine, record: Record) -> Forker:
    """Return it, on an engine that is open.

    Args:
        engine: of this host.
        record: uploads and records what is sealed, as the one who runs the engine does
            it: a daemon has its shippers, and whoever has none says `recorder_of`.
    """
    policy = policy_of(engine.settings)
    return Forker(
        catalog=engine.backends.catalog,
        spool=engine.spool,
        host=engine.host,
        site=Site(SCOPE, policy.key_prefix, policy.incremental_level, policy.fsync),
        record=record,
        now=clock.now,
    )


def recorder_of(engine: Engine) -> Record:
    """Return what records at once, in the caller's thread, and leaves nothing."""

    def record(entry: SpoolEntry) -> Version:
        try:
            return engine.shipper.ship(entry).version
        except BaseException:
            # Nobody else would come for it: this process ends.
            engine.spool.drop(entry)
            raise

    return record
