"""Tells once of what is too much: a build that is too big, or builds of a user."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.model.event import Event
from expokeep.model.names import SessionId
from expokeep.model.quota import is_over
from expokeep.service.board import Line
from expokeep.service.events import Events
from expokeep.worktree.scan import Reason

log = get(__name__)


@dataclass(frozen=True, slots=True)
class Excess:
    """Says of a build that it is too big: `build.too_big`."""

    events: Events

    def looked(
        self,
        session: SessionId,
        now: Mapping[bytes, Reason],
        before: Mapping[bytes, Reason],
    ) -> None:
        """Tell of files that are left out, unless some were the last time."""
        left_out = [path for path, why in now.items() if why == "build too big"]
        if left_out and "build too big" not in before.values():
            log.warning("build too big", session=session, left_out=len(left_out))
            self.events.publish(
                "build.too_big", session, policy="partial", left_out=len(left_out)
            )

    def rejected(self, line: Line, error: ExpokeepError) -> None:
        """Tell that a build is not kept as it is, unless that was told."""
        if line.too_big is None:
            session = line.directory.session
            reason = str(error)
            self.events.publish(
                "build.too_big", session, policy="reject", reason=reason
            )
        line.too_big = error


class OverQuota:
    """Says of a session that it would be one build too many: `quota.exceeded`.

    Once, until a version of it becomes head again.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._told: set[str] = set()
        events.subscribe(self._heard)

    def _heard(self, event: Event) -> None:
        session, parked = event.session, event.details.get("parked")
        if event.kind != "version.created" or session is None:
            return
        with self._lock:
            is_news = is_over(parked) and session not in self._told
            if is_over(parked):
                self._told.add(session)
            else:
                self._told.discard(session)
        if is_news:
            log.warning("quota exceeded", session=session, reason=parked)
            self._events.publish("quota.exceeded", session, reason=parked)
