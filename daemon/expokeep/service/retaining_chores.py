"""The chores that forget, collect and merge."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from expokeep import wiring
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.retention.pace import Pace, resting
from expokeep.service.maintenance import Chore, Stop
from expokeep.wiring import Engine, Retaining

log = get(__name__)

COLLECT = "collect"
SLICE_S = 300.0
"""So long at most, then other chores have their turn."""
BUSY_SHARE = 0.5
MERGE_EVERY_S = 600.0


def retaining_chores(engine: Engine) -> tuple[Chore, ...]:
    """Return what lets go of what is not kept, and keeps the rest in few packs."""
    act = Act(engine)
    every_s = engine.settings.retention.gc_interval_s
    return (
        Chore("forget", every_s, act.forget),
        Chore(COLLECT, every_s, act.collect),
        Chore("merge", MERGE_EVERY_S, act.merge, may_be_due=act.may_merge),
    )


@dataclass(slots=True)
class Act:
    """Does what is due, on the backends of an engine."""

    engine: Engine
    _forgot_up_to: str = field(default="")
    _has_more: bool = field(default=False)

    def forget(self, stop: Stop) -> bool:
        """Forget by the rules of the settings; return whether there is more."""
        retaining, pace = self._retaining(), _pace(stop)
        forgotten = retaining.forgetter.run(
            retaining.rules, self._sessions(retaining), pace
        )
        for _ in forgotten:
            if not pace.goes_on():
                break  # the session may not be done: it is looked at again
        if pace.is_over:
            return True
        self._forgot_up_to = ""
        return False

    def collect(self, stop: Stop) -> bool:
        """Collect what is not kept; return whether there is more."""
        collected = self._retaining().collector.run(_pace(stop))
        return not collected.swept.is_done

    def merge(self, stop: Stop) -> bool:
        """Merge packs; return whether there is more."""
        pace = _pace(stop)
        self._retaining().tidying.merge(pace)
        self._has_more = pace.is_over
        return self._has_more

    def may_merge(self) -> bool:
        """Return whether there is something new, and nothing better to do.

        Nothing waits to be uploaded from here, and something was recorded lately by any
        host: an idle catalog is not asked again and again whether it has grown.
        """
        has_grown = self._has_more or self.engine.facts_wait.is_set()
        return has_grown and not self.engine.spool.backlog().entries

    def _sessions(self, retaining: Retaining) -> Iterator[SessionId]:
        """Yield sessions from where the last slice ended."""
        for session in retaining.forgetter.versions.sessions(self._forgot_up_to):
            yield session
            self._forgot_up_to = session

    def _retaining(self) -> Retaining:
        engine = self.engine
        return wiring.retaining_of(
            engine.settings, engine.backends, engine.fetcher, engine.host
        )


def _pace(stop: Stop) -> Pace:
    return Pace(stop, SLICE_S, BUSY_SHARE, resting(stop))
