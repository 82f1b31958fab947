"""Whose turn it is to try a token or a password: nobody tries for ever, or unseen."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from expokeep import clock
from expokeep.errors import AccessDenied

MOST = 30
WITHIN_S = 600.0
MAX_CALLERS = 10_000
"""Remembered at a time; the one who was quiet for longest is forgotten first."""


class Turns:
    """What callers tried in vain lately, in this process. Safe from any thread."""

    def __init__(self, now_s: Callable[[], float] = clock.monotonic_s) -> None:
        self._now_s = now_s
        self._tries: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._lock = threading.Lock()
        self.passwords = threading.Lock()
        """Held to try a password: each costs memory, and is counted before the next."""
        self.looking = threading.Lock()
        """Held to look through a version: that costs requests, and one is enough."""
        self._withheld: OrderedDict[Hashable, None] = OrderedDict()

    def require_patience(self, caller: Hashable) -> None:
        """Check that somebody has not tried too often.

        Raises:
            AccessDenied: they have.
        """
        with self._lock:
            tries = self._tries.get(caller)
            since_s = self._now_s() - WITHIN_S
            if tries is not None and len(tries) >= MOST and tries[0] > since_s:
                error = AccessDenied("too many shares that cannot be used were tried")
                error.hint = "Wait ten minutes."
                raise error

    def withhold(self, what: Hashable) -> None:
        """Remember that something was looked through, and is not to be lent."""
        with self._lock:
            self._withheld[what] = None
            while len(self._withheld) > MAX_CALLERS:
                self._withheld.popitem(last=False)

    def is_withheld(self, what: Hashable) -> bool:
        """Return whether something was found not to be lent."""
        with self._lock:
            return what in self._withheld

    def note(self, caller: Hashable) -> None:
        """Note that somebody tried in vain."""
        with self._lock:
            tries = self._tries.setdefault(caller, deque(maxlen=MOST))
            tries.append(self._now_s())
            self._tries.move_to_end(caller)
            while len(self._tries) > MAX_CALLERS:
                self._tries.popitem(last=False)
