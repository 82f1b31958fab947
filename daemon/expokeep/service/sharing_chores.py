"""The chore that settles imports which were cut short."""

from expokeep import wiring
from expokeep.errors import ConfigError
from expokeep.log import get
from expokeep.service.maintenance import Chore, Stop
from expokeep.wiring import Engine

log = get(__name__)

EVERY_S = 600.0
FIRST_AFTER_S = 5.0
"""After a start: what a daemon that died had under way is told soon."""
LOST_AFTER_S = 900.0
"""Far longer than an import takes until it is safe in the spool."""


def sharing_chores(engine: Engine) -> tuple[Chore, ...]:
    """Return what looks after uses of shares that nobody settled."""

    def settle(_stop: Stop) -> None:
        try:
            shares = wiring.shares_of(engine.backends)
        except ConfigError:
            return
        grace_s = engine.settings.retention.grace_s
        settled = shares.settle_found()
        given_back = shares.give_back_lost(after_s=LOST_AFTER_S, grace_s=grace_s)
        if settled or given_back:
            log.info("imports settled", came_true=settled, given_back=given_back)

    return (Chore("shares", EVERY_S, settle, first_after_s=FIRST_AFTER_S),)
