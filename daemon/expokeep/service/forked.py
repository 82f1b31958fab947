"""How a daemon records a version that was made of what is kept: by its shippers."""

from expokeep import clock, wiring
from expokeep.catalog.base import Catalog
from expokeep.errors import NotFound, TimedOut
from expokeep.fork.run import Forker, Record
from expokeep.fork.under_way import UnderWay
from expokeep.model.version import Version
from expokeep.service.shipping import Shipping
from expokeep.spool.spool import SpoolEntry
from expokeep.wiring import Engine

TIMEOUT_S = 120.0
"""Longest wait for a small object and a commit; it is safe long before."""
_LOOK_EVERY_S = 0.5


def forker_of(engine: Engine, shipping: Shipping, under_way: UnderWay) -> Forker:
    """Return what makes versions of what is kept, beside a running daemon."""
    record = _recorder(engine.backends.catalog, shipping)
    return wiring.forker_of(engine, record, under_way)


def _recorder(catalog: Catalog, shipping: Shipping) -> Record:
    def record(entry: SpoolEntry) -> Version:
        session, pack = entry.note.session, entry.pack
        failures = shipping.failures_of(session)
        shipping.hurry(session)
        deadline_s = clock.monotonic_s() + TIMEOUT_S
        while not shipping.wait_recorded(pack, session, failures, _LOOK_EVERY_S):
            if clock.monotonic_s() > deadline_s:
                raise TimedOut("it is safe in the spool, and not recorded yet")
        version = catalog.trace([pack]).version
        if version is None:
            raise NotFound(f"what was made of {session} was forgotten at once")
        return version

    return record
