"""Makes a host ready for maintenance: all is recorded, and others may take over.

What is captured from then on waits in the spool, until `resume`. What could not be
recorded in time keeps the host as it is: nothing is given away that only it has.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from expokeep import clock
from expokeep.errors import Busy, ExpokeepError
from expokeep.history.documents import Progress
from expokeep.history.operating import Drained
from expokeep.log import get
from expokeep.service.parts import Parts

log = get(__name__)

_TELL_EVERY_S = 1.0
_SETTLE_S = 10.0
"""For uploads under way when all are held back."""
_NOTICE_S = 5.0
_MOST_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Draining:
    """Drains one daemon; one at a time."""

    parts: Parts
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def drained(self, timeout_s: float) -> Iterator[Progress | Drained]:
        """Keep and ship all, then let go; tell every second how much is left.

        Raises:
            Busy: somebody drains it already, or uploads are held back.
            BackendUnreachable: the leases could not be given back.
        """
        if not self._alone.acquire(blocking=False):
            raise Busy("this daemon is being drained already")
        try:
            yield from self._drained(timeout_s)
        finally:
            self._alone.release()

    def _drained(self, timeout_s: float) -> Iterator[Progress | Drained]:
        parts = self.parts
        self._require_flowing()
        deadline_s = clock.monotonic_s() + timeout_s
        parts.observer.barrier(min(_NOTICE_S, timeout_s))
        # Drained already: what was captured since then stays where it is.
        done = parts.is_drained or parts.drain(0.0)
        while not done and not parts.is_stuck():
            left_s = deadline_s - clock.monotonic_s()
            if left_s <= 0:
                break
            yield Progress(done_bytes=0, total_bytes=0, phase=f"{self._left()} left")
            done = parts.drain(min(_TELL_EVERY_S, left_s))
        told = self._told(released=self._let_go() if done else 0, done=done)
        log.info("drained", done=done, pending=told.pending, unsaved=told.unsaved)
        parts.events.publish(
            "daemon.drained",
            None,
            done=done,
            pending=told.pending,
            unsaved=told.unsaved,
            released=told.released,
        )
        yield told

    def _let_go(self) -> int:
        """Hold uploads back, and end the lease; as it was before if that fails."""
        parts = self.parts
        parts.is_drained = True
        parts.shipping.pauses.begin(None, None)
        try:
            # What is recorded after the lease ended would begin it anew.
            parts.shipping.turnstile.wait_idle(_SETTLE_S)
            parts.say_goodbye()
            if not parts.settings.database.configured:
                return 0
            with parts.lease:
                return parts.engine.backends.catalog.release(parts.engine.host)
        except ExpokeepError:
            parts.go_on()
            raise

    def _require_flowing(self) -> None:
        if self.parts.shipping.pauses.now and not self.parts.is_drained:
            error = Busy("uploads are held back, so nothing drains")
            error.hint = "`expokeep resume --all` first; also each session by its name."
            raise error

    def _left(self) -> int:
        return self._unsaved() + self.parts.engine.spool.backlog().entries

    def _unsaved(self) -> int:
        return sum(line.is_unsaved for line in self.parts.board.lines())

    def _told(self, *, released: int, done: bool) -> Drained:
        errors = [str(error) for error in self.parts.shipping.errors()]
        return Drained(
            done=done,
            unsaved=self._unsaved(),
            pending=self.parts.engine.spool.backlog().entries,
            released=released,
            errors=tuple(errors[:_MOST_ERRORS]),
        )


def released(parts: Parts) -> None:
    """Give the leases back at the end of a daemon; what fails ends by itself soon."""
    if parts.settings.database.configured and parts.catalog_error is None:
        with contextlib.suppress(ExpokeepError):
            parts.engine.backends.catalog.release(parts.engine.host)
