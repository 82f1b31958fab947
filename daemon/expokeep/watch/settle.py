"""Turns a rain of file events into one "this session has settled" per burst.

Knows neither threads nor clocks: it is told what happened and what time it is. All it
keeps of an event is which session changed and when; the scan finds out the rest.
"""

from dataclasses import dataclass
from typing import Generic

from expokeep.watch.agenda import Agenda, Key


@dataclass(slots=True)
class _Burst:
    """What waits to be kept of one session."""

    first_s: float | None = None
    last_s: float = 0.0
    wake_s: float | None = None
    hurry_s: float | None = None
    paused: bool = False


class Settler(Generic[Key]):
    """Decides when a session is worth a snapshot.

    A session is due when it was quiet for `quiet_s`, or `max_wait_s` after the first
    event of a burst that does not end. It stays due until it is `taken`: whoever asks
    may have no worker free right now. Not safe to share between threads without a lock.

    >>> settler: Settler[str] = Settler(quiet_s=2.0, max_wait_s=15.0)
    >>> settler.touched("shop", 100.0)
    >>> settler.due(101.0), settler.next_due_s(), settler.due(102.0)
    ([], 102.0, ['shop'])
    >>> settler.taken("shop", 102.0)
    >>> settler.due(200.0)
    []
    """

    def __init__(self, quiet_s: float, max_wait_s: float) -> None:
        self._quiet_s = quiet_s
        self._max_wait_s = max_wait_s
        self._bursts: dict[Key, _Burst] = {}
        self._agenda: Agenda[Key] = Agenda()
        self._ready: dict[Key, float] = {}

    def pace(self, quiet_s: float, max_wait_s: float) -> None:
        """Wait so long from now on; bursts under way keep the times that they have."""
        self._quiet_s = quiet_s
        self._max_wait_s = max_wait_s

    def touched(self, session: Key, now_s: float) -> None:
        """Note that something in the session changed."""
        burst = self._bursts.setdefault(session, _Burst())
        if burst.first_s is None:
            burst.first_s = now_s
        burst.last_s = now_s
        self._plan(session, burst)

    def schedule(self, session: Key, at_s: float) -> None:
        """Make the session due at `at_s` even if nothing happens until then.

        The earliest wish wins and later ones are dropped: whoever is woken looks again
        and says when the next look is worth it. In the middle of a burst nobody is
        woken by a clock: a file may be half written. The burst's end is near enough.
        """
        burst = self._bursts.setdefault(session, _Burst())
        if burst.wake_s is None or at_s < burst.wake_s:
            burst.wake_s = at_s
        self._plan(session, burst)

    def hurry(self, session: Key, now_s: float) -> None:
        """Make the session due at once, whatever goes on: somebody asks for it."""
        burst = self._bursts.setdefault(session, _Burst())
        if burst.hurry_s is None:
            burst.hurry_s = now_s
        self._plan(session, burst)

    def due(self, now_s: float) -> list[Key]:
        """Return the sessions to take now, the one that is longest due first."""
        for session in self._agenda.pop_due(now_s):
            due_s = self._due_s(self._bursts[session])
            if due_s is not None:
                self._ready[session] = due_s
        return sorted(self._ready, key=self._ready.__getitem__)

    def next_due_s(self) -> float | None:
        """Return when a session becomes due; in the past if one is waiting already."""
        times_s = [*self._ready.values()]
        if (next_s := self._agenda.next_s()) is not None:
            times_s.append(next_s)
        return min(times_s, default=None)

    def taken(self, session: Key, now_s: float) -> None:
        """Note that a snapshot begins: what happens from now on is the next burst.

        A wake-up that lies in the future stays.
        """
        burst = self._bursts.get(session)
        if burst is None:
            return
        burst.first_s = burst.hurry_s = None
        if burst.wake_s is not None and burst.wake_s <= now_s:
            burst.wake_s = None
        self._plan(session, burst)
        self._drop_if_empty(session, burst)

    def pause(self, session: Key) -> None:
        """Collect what happens, but do not let the session become due."""
        burst = self._bursts.setdefault(session, _Burst())
        burst.paused = True
        self._plan(session, burst)

    def resume(self, session: Key) -> None:
        """End a pause; what was collected may be due at once."""
        burst = self._bursts.get(session)
        if burst is not None:
            burst.paused = False
            self._plan(session, burst)
            self._drop_if_empty(session, burst)

    def forget(self, session: Key) -> None:
        """Drop everything about the session, also its pause."""
        self._bursts.pop(session, None)
        self._ready.pop(session, None)
        self._agenda.cancel(session)

    def _due_s(self, burst: _Burst) -> float | None:
        if burst.paused:
            return None
        settled_s = burst.wake_s
        if burst.first_s is not None:
            settled_s = min(
                burst.last_s + self._quiet_s, burst.first_s + self._max_wait_s
            )
        times_s = (at_s for at_s in (settled_s, burst.hurry_s) if at_s is not None)
        return min(times_s, default=None)

    def _plan(self, session: Key, burst: _Burst) -> None:
        # A session that was due and is touched again waits for quiet like any other:
        # `first_s` has not moved, so it cannot wait longer than it was promised.
        self._ready.pop(session, None)
        due_s = self._due_s(burst)
        if due_s is None:
            self._agenda.cancel(session)
        else:
            self._agenda.set(session, due_s)

    def _drop_if_empty(self, session: Key, burst: _Burst) -> None:
        if burst == _Burst(last_s=burst.last_s):
            del self._bursts[session]
