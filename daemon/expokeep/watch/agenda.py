"""A heap of deadlines, at most one for each key. Pure: it is handed the time."""

import heapq
import itertools
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Agenda(Generic[Key]):
    """What is to be done, and when.

    Moving a deadline to a later time costs nothing: the heap keeps the earlier entry
    and looks again when it comes up. A session that is written to 11,000 times a
    second must not leave 11,000 entries behind.

    >>> agenda: Agenda[str] = Agenda()
    >>> agenda.set("b", 2.0)
    >>> agenda.set("a", 1.0)
    >>> agenda.next_s(), agenda.pop_due(5.0), agenda.next_s()
    (1.0, ['a', 'b'], None)
    """

    def __init__(self) -> None:
        self._deadlines: dict[Key, float] = {}
        self._queued: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()

    def __contains__(self, key: Key) -> bool:
        return key in self._deadlines

    def set(self, key: Key, at_s: float) -> None:
        """Make `at_s` the deadline of `key`, whatever it was before."""
        self._deadlines[key] = at_s
        if at_s < self._queued.get(key, float("inf")):
            self._push(key, at_s)

    def set_sooner(self, key: Key, at_s: float) -> None:
        """Make `at_s` the deadline of `key`, unless it has an earlier one."""
        if at_s < self._deadlines.get(key, float("inf")):
            self.set(key, at_s)

    def cancel(self, key: Key) -> None:
        """Forget the deadline of `key`, if it has one."""
        self._deadlines.pop(key, None)

    def next_s(self) -> float | None:
        """Return the earliest deadline, which may have passed already."""
        self._settle_top()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_s: float) -> list[Key]:
        """Remove and return what is due at `now_s`, the longest overdue first."""
        due = []
        while (next_s := self.next_s()) is not None and next_s <= now_s:
            _, _, key = heapq.heappop(self._heap)
            del self._queued[key], self._deadlines[key]
            due.append(key)
        return due

    def _push(self, key: Key, at_s: float) -> None:
        self._queued[key] = at_s
        heapq.heappush(self._heap, (at_s, next(self._order), key))

    def _settle_top(self) -> None:
        """Make the first entry of the heap a true one."""
        while self._heap:
            at_s, _, key = self._heap[0]
            deadline_s = self._deadlines.get(key)
            if at_s == deadline_s and at_s == self._queued.get(key):
                return
            heapq.heappop(self._heap)
            if self._queued.get(key) != at_s:
                continue  # an earlier entry took its place, and has been dealt with
            del self._queued[key]
            if deadline_s is not None:
                self._push(key, deadline_s)
