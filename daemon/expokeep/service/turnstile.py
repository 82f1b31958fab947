"""Hands out what is due: each piece of work to one thread, one per session at a time.

Threads wait here and nowhere else. Whoever takes something gives it back with `done`.
"""

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

from expokeep import clock
from expokeep.errors import Busy
from expokeep.watch.settle import Settler

Key = TypeVar("Key", bound=Hashable)
Lane = TypeVar("Lane", bound=Hashable)

_LOOK_AGAIN_S = 1.0
"""A backstop for waits whose end is announced."""


class Turnstile(Generic[Key, Lane]):
    """A settler that several threads share.

    Args:
        settler: decides when something is due.
        lane: of a key; only one key of a lane is out at a time.
    """

    def __init__(self, settler: Settler[Key], lane: Callable[[Key], Lane]) -> None:
        self._settler = settler
        self._lane = lane
        self._busy: set[Lane] = set()
        self._changed = threading.Condition()
        self._closed = False

    def pace(self, quiet_s: float, max_wait_s: float) -> None:
        """Let things settle for so long from now on."""
        with self._changed:
            self._settler.pace(quiet_s, max_wait_s)

    def touched(self, key: Key) -> None:
        """Note that something happened to `key`."""
        with self._changed:
            before_s = self._settler.next_due_s()
            self._settler.touched(key, clock.monotonic_s())
            after_s = self._settler.next_due_s()
            # A storm of events only puts things off: nobody has to wake up for that.
            if before_s is None or (after_s is not None and after_s < before_s):
                self._changed.notify_all()

    def schedule(self, key: Key, in_s: float | None = None) -> None:
        """Make `key` due at once; or in so many seconds, if nothing goes on then."""
        with self._changed:
            now_s = clock.monotonic_s()
            if in_s is None:
                self._settler.hurry(key, now_s)
            else:
                self._settler.schedule(key, now_s + in_s)
            self._changed.notify_all()

    def forget(self, key: Key) -> None:
        """Drop all plans for `key`."""
        with self._changed:
            self._settler.forget(key)
            self._changed.notify_all()

    def take(self) -> Key | None:
        """Wait for something that is due; None once the turnstile is closed."""
        with self._changed:
            while not self._closed:
                now_s = clock.monotonic_s()
                for key in self._settler.due(now_s):
                    if self._lane(key) not in self._busy:
                        self._busy.add(self._lane(key))
                        self._settler.taken(key, now_s)
                        return key
                self._changed.wait(self._pause_s(now_s))
            return None

    def done(self, key: Key) -> None:
        """Give back what was taken."""
        with self._changed:
            self._busy.discard(self._lane(key))
            self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self, lane: Lane, timeout_s: float) -> Iterator[None]:
        """Hold a lane: nothing of it is handed out meanwhile.

        Raises:
            Busy: somebody else held it all the time, or everybody is sent home.
        """

        def is_over() -> bool:
            return self._closed or lane not in self._busy

        with self._changed:
            free = self._changed.wait_for(is_over, timeout_s)
            if self._closed:
                raise Busy("the daemon is stopping")
            if not free:
                raise Busy(f"{lane} is busy; try again")
            self._busy.add(lane)
        try:
            yield
        finally:
            with self._changed:
                self._busy.discard(lane)
                self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is out and nothing is due; return whether that came."""

        def is_idle() -> bool:
            return not self._busy and not self._settler.due(clock.monotonic_s())

        with self._changed:
            return self._changed.wait_for(is_idle, timeout_s)

    def close(self) -> None:
        """Send everybody home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _pause_s(self, now_s: float) -> float | None:
        next_s = self._settler.next_due_s()
        if next_s is None:
            return None
        # In the past: it is due, and its lane is busy until `done` says otherwise.
        return next_s - now_s if next_s > now_s else _LOOK_AGAIN_S
