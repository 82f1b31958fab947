"""The chores that make the bucket enough: facts, and what dead hosts left in it."""

from expokeep import wiring
from expokeep.service.maintenance import Chore, Stop
from expokeep.wiring import Engine

LOOK_EVERY_S = 60.0
ADOPT_EVERY_S = 900.0
FOLD_EVERY_S = 86_400.0


def noting(engine: Engine) -> tuple[Chore, ...]:
    """Return the chores, where there are a catalog and a bucket."""
    noter = wiring.noter(engine.settings, engine.backends)
    adopter = wiring.adopter(engine.settings, engine.backends)
    folder = wiring.facts_folder(engine.settings, engine.backends)
    if noter is None or adopter is None or folder is None:
        return ()
    within_s = engine.settings.database.facts_within_s

    def act(stop: Stop) -> None:
        engine.facts_wait.clear()  # the next heartbeat tells of those that still wait
        noter.act(stop)

    return (
        Chore(
            name="facts",
            every_s=min(LOOK_EVERY_S, within_s),
            act=act,
            first_after_s=0.0,
            may_be_due=engine.facts_wait.is_set,
        ),
        Chore(name="adopt", every_s=ADOPT_EVERY_S, act=adopter.act),
        Chore(name="fold-facts", every_s=FOLD_EVERY_S, act=folder.act),
    )
