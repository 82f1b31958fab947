"""The chore that notes how much is stored, so that a month can be paid for."""

from expokeep import wiring
from expokeep.service.maintenance import Chore, Stop
from expokeep.wiring import Engine

EVERY_S = 3600.0


def usage_chores(engine: Engine) -> tuple[Chore, ...]:
    """Return it, where there is a catalog."""
    usage = wiring.usage_of(engine.backends.catalog)
    if usage is None:
        return ()

    def act(_stop: Stop) -> None:
        usage.note_stored()
        usage.forget()

    return (Chore("usage", EVERY_S, act),)
