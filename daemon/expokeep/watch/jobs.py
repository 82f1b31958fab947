"""What the reader's thread has to do besides reading events, and in which order.

First what somebody asked for, then what is due, then one piece of the long work that
nobody waits for: between two pieces the kernel's queue is emptied.
"""

import functools
from collections import deque
from collections.abc import Callable
from typing import Any

from expokeep.watch.agenda import Agenda

Job = Callable[[], None]


class Jobs:
    """Work for one thread. Only `ask` may be called from others."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._asked: deque[Job] = deque()
        self._due: deque[Job] = deque()
        self._backlog: deque[Job] = deque()
        self._backlog_is_open = True
        # A key is what to do and to whom, so nothing is planned twice.
        self._agenda: Agenda[tuple[Callable[..., None], Any]] = Agenda()

    def ask(self, act: Callable[..., None], *args: Any) -> None:
        """Have something done before anything else."""
        self._asked.append(functools.partial(act, *args))

    def plan(self, at_s: float, act: Callable[..., None], whom: Any = None) -> None:
        """Have something done at a time, unless it is planned for an earlier one."""
        self._agenda.set_sooner((act, whom), at_s)

    def put_off(self, act: Callable[..., None], *args: Any) -> None:
        """Have something done when there is time, in the order of the calls."""
        self._backlog.append(functools.partial(act, *args))

    def next(self) -> Job | None:
        """Return what to do now; at most one piece of the backlog in each turn."""
        if self._asked:
            return self._asked.popleft()
        if not self._due:
            for act, whom in self._agenda.pop_due(self._monotonic_s()):
                args = () if whom is None else (whom,)
                self._due.append(functools.partial(act, *args))
        if self._due:
            return self._due.popleft()
        if self._backlog and self._backlog_is_open:
            self._backlog_is_open = False
            return self._backlog.popleft()
        return None

    def begin_turn(self) -> float | None:
        """Begin the next turn; return how many seconds there is nothing to do."""
        self._backlog_is_open = True
        if self._asked or self._due or self._backlog:
            return 0.0
        next_s = self._agenda.next_s()
        return None if next_s is None else max(0.0, next_s - self._monotonic_s())
