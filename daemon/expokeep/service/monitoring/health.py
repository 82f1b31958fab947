"""Whether a daemon makes progress, whether it keeps what happens, and why not.

*Healthy* is what keeps systemd from restarting it: work gets done. *Ready* is that what
happens from now on is kept: it watches, captures, and the spool takes what it captures.
Bucket and catalog may be away: then what is kept waits here, which is a state and no
failure, and restarting or avoiding this daemon would make nothing better.

No session is named, and no server: whoever reaches the address may ask.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from expokeep import clock
from expokeep.control.pages import Page
from expokeep.service.monitoring.unsaved import ages_s, unsaved
from expokeep.service.parts import Parts
from expokeep.service.workers import Workers


class Part(msgspec.Struct, frozen=True):
    """One part of a daemon, and how it is."""

    name: str
    is_well: bool
    says: str
    """In words."""


class Health(msgspec.Struct, frozen=True):
    """An answer."""

    state: str
    is_well: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the parts of a daemon, each time it is asked."""

    parts: Parts
    control_lives: Callable[[], bool]

    def health(self) -> Health:
        """Return whether work gets done."""
        told = (
            self._main(),
            self._watch_lives(),
            self._captures(),
            self._uploads(),
            self._control(),
        )
        is_well = all(one.is_well for one in told)
        return Health("ok" if is_well else "a part hangs", is_well, told)

    def readiness(self) -> Health:
        """Return whether what happens now is kept; what else is wrong is told too."""
        deciding = (*self._watch(), self._captures(), self._spool(), self._control())
        is_well = (
            all(one.is_well for one in deciding) and not self.parts.pulse.is_stopping
        )
        state = "ready" if is_well else "not ready"
        if self.parts.pulse.is_stopping:
            state = "stopping"
        return Health(state, is_well, (*deciding, *self._beside()))

    def _main(self) -> Part:
        if late_s := self.parts.pulse.late_s():
            says = f"no sign of life for {late_s:.0f} s"
            return Part("main", is_well=False, says=says)
        return Part("main", is_well=True, says="ok")

    def _watch_lives(self) -> Part:
        lives = self.parts.observer.alive()
        return Part("watch", lives, "ok" if lives else "events are not read")

    def _watch(self) -> Iterator[Part]:
        yield self._watch_lives()
        stats = self.parts.observer.stats()
        count = len(stats.unwatched_roots)
        if count:
            yield Part("directories", is_well=False, says=f"{count} cannot be watched")
        if stats.degraded:
            says = f"{len(stats.degraded)} are polled, for want of watches"
            yield Part("sessions", is_well=True, says=says)

    def _captures(self) -> Part:
        return self._working("captures", self.parts.savers)

    def _uploads(self) -> Part:
        return self._working("uploads", self.parts.shippers)

    def _working(self, name: str, workers: Workers[Any, Any]) -> Part:
        if not workers.alive():
            return Part(name, is_well=False, says="a thread has ended")
        stuck_s = workers.stuck_s()
        if stuck_s >= self.parts.settings.hung_after_s:
            return Part(name, is_well=False, says=f"no progress for {stuck_s:.0f} s")
        return Part(name, is_well=True, says="ok")

    def _spool(self) -> Part:
        rooms = self.parts.rooms
        refused = len(rooms.look().refused)
        if refused:
            says = f"{rooms.state}: {refused} sessions are not captured"
            return Part("spool", is_well=False, says=says)
        return Part("spool", rooms.state != "failing", rooms.state)

    def _control(self) -> Part:
        lives = self.control_lives()
        return Part("control", lives, "ok" if lives else "the socket is not answered")

    def _beside(self) -> Iterator[Part]:
        """Tell what makes nothing unready."""
        parts = self.parts
        waiting = parts.engine.spool.backlog().entries
        yield Part("catalog", is_well=True, says=self._catalog())
        usage = None
        if parts.settings.storage.configured:
            usage = parts.engine.backends.store.usage()
        says = "not configured"
        if usage is not None:
            is_up = usage.last_outcome in (None, "ok")
            says = "ok" if is_up else f"the last request was {usage.last_outcome}"
        yield Part("bucket", is_well=True, says=says)
        oldest_s = max(ages_s(unsaved(parts), clock.now()), default=0.0)
        says = f"{waiting} wait in the spool, oldest change {oldest_s:.0f} s"
        yield Part("unsaved", is_well=True, says=says)

    def _catalog(self) -> str:
        if not self.parts.settings.database.configured:
            return "not configured"
        error = self.parts.catalog_error
        return "ok" if error is None else f"away ({type(error).__name__})"


def page(health: Health, accept: str) -> Page:
    """Return it for people, or as JSON for who accepts nothing else."""
    status = 200 if health.is_well else 503
    if "application/json" in accept:
        return Page(msgspec.json.encode(health) + b"\n", "application/json", status)
    lines = [health.state, *(f"{one.name}: {one.says}" for one in health.parts)]
    return Page("\n".join([*lines, ""]).encode(), status=status)
