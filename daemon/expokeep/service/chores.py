"""What maintenance there is: each chore, and how often it is done."""

from expokeep.service.events import Events
from expokeep.service.export_chores import export_chores
from expokeep.service.maintenance import Chore
from expokeep.service.noting import noting
from expokeep.service.proving_chores import proving_chores
from expokeep.service.retaining_chores import retaining_chores
from expokeep.wiring import Engine


def chores(engine: Engine, events: Events) -> tuple[Chore, ...]:
    """Return what is done for what this engine keeps."""
    if not engine.settings.storage.configured:
        return ()
    return (
        *noting(engine),
        *retaining_chores(engine),
        *proving_chores(engine),
        *export_chores(engine, events),
    )
