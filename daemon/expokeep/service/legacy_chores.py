"""The chores that keep the app's tables in step beside the commits."""

from dataclasses import dataclass

from expokeep import clock, wiring
from expokeep.legacy.keep import Keeper
from expokeep.service.events import Events
from expokeep.service.maintenance import Chore, Stop
from expokeep.wiring import Engine

FOLLOW_EVERY_S = 2.0
LOOK_EVERY_S = 60.0
COMPARE_EVERY_S = 3600.0
"""Where triggers tell us what the app writes; elsewhere each time that we look."""


def legacy_chores(engine: Engine, events: Events) -> tuple[Chore, ...]:
    """Return what is done for the app's tables."""
    keeper = wiring.legacy_keeper(engine, events.publish)
    if keeper is None:
        return ()
    act = Act(engine, keeper)
    if not engine.settings.database.legacy_tables:
        engine.app_waits.set()
        return (
            Chore(
                "app-tables-left",
                LOOK_EVERY_S,
                act.leave,
                first_after_s=0.0,
                may_be_due=engine.app_waits.is_set,
            ),
        )
    engine.app_waits.set()
    return (
        Chore(
            "app-tables",
            FOLLOW_EVERY_S,
            act.follow,
            first_after_s=0.0,
            may_be_due=engine.app_waits.is_set,
        ),
        Chore("app-tables-compare", LOOK_EVERY_S, act.look, may_be_due=act.may_look),
    )


@dataclass(slots=True)
class Act:
    """Does what is due."""

    engine: Engine
    keeper: Keeper
    _compare_at_s: float = 0.0
    _is_told: bool = False

    def follow(self, stop: Stop) -> bool:
        """Do what waits; return whether some of it still does."""
        self.engine.app_waits.clear()  # the next heartbeat tells of what comes now
        try:
            has_more = self.keeper.act(stop)
        except BaseException:
            self.engine.app_waits.set()
            raise
        if has_more:
            self.engine.app_waits.set()
        return has_more

    def look(self, stop: Stop) -> bool:
        """Compare everything, and mend what differs."""
        self.keeper.act(stop)
        self.keeper.compare()
        self._is_told = self.keeper.ports.notes.standing().has_triggers
        self._compare_at_s = clock.monotonic_s() + COMPARE_EVERY_S
        return self.follow(stop)

    def may_look(self) -> bool:
        """Return whether something may have changed that nobody told us of."""
        return not self._is_told or clock.monotonic_s() >= self._compare_at_s

    def leave(self, _stop: Stop) -> None:
        """Leave the app's tables alone, if they were kept in step before."""
        self.engine.app_waits.clear()
        self.keeper.leave()
