"""What maintenance there is: each chore, and how often it is done."""

from expokeep.service.events import Events
from expokeep.service.export_chores import export_chores
from expokeep.service.legacy_chores import legacy_chores
from expokeep.service.maintenance import Chore
from expokeep.service.noting import noting
from expokeep.service.outlook import warning
from expokeep.service.proving_chores import proving_chores
from expokeep.service.retaining_chores import retaining_chores
from expokeep.service.sharing_chores import sharing_chores
from expokeep.service.usage_chores import usage_chores
from expokeep.wiring import Engine


def chores(engine: Engine, events: Events) -> tuple[Chore, ...]:
    """Return what is done for what this engine keeps."""
    if not engine.settings.storage.configured:
        return ()
    return (
        *noting(engine),
        *retaining_chores(engine),
        *warning(engine, events),
        *proving_chores(engine),
        *sharing_chores(engine),
        *usage_chores(engine),
        *export_chores(engine, events),
        *legacy_chores(engine, events),
    )
