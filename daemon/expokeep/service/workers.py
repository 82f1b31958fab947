"""The daemon's own threads: they take what is due, do it, and never die of it."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, Self, TypeVar

from expokeep import clock
from expokeep.log import get
from expokeep.service.turnstile import Turnstile

log = get(__name__)

Key = TypeVar("Key", bound=Hashable)
Lane = TypeVar("Lane", bound=Hashable)

_JOIN_WITHIN_S = 10.0
_AFTER_A_FAULT_S = 60.0


class Workers(Generic[Key, Lane]):
    """A number of threads at one turnstile. A context manager."""

    def __init__(
        self,
        name: str,
        count: int,
        turnstile: Turnstile[Key, Lane],
        handle: Callable[[Key], None],
    ) -> None:
        self._turnstile = turnstile
        self._handle = handle
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        self._since_s: dict[Key, float] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._turnstile.close()
        deadline_s = clock.monotonic_s() + _JOIN_WITHIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - clock.monotonic_s()))

    def stuck_s(self) -> float:
        """Return for how long some piece of work has made no progress."""
        now_s = clock.monotonic_s()
        return max((now_s - since for since in list(self._since_s.values())), default=0)

    def touch(self, key: Key) -> None:
        """Note that a piece of work makes progress: it is long, but does not hang."""
        if key in self._since_s:
            self._since_s[key] = clock.monotonic_s()

    def alive(self) -> bool:
        """Return whether all threads are there."""
        return all(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while (key := self._turnstile.take()) is not None:
            self._since_s[key] = clock.monotonic_s()
            try:
                self._handle(key)
            except Exception:
                # One bad project must not take the others' worker with it. What was
                # captured is in the spool; the handler has said what comes next.
                log.exception("work failed", what=str(key))
                self._turnstile.schedule(key, _AFTER_A_FAULT_S)
            finally:
                del self._since_s[key]
                self._turnstile.done(key)


class Repeating:
    """A thread that does something every so often. A context manager."""

    def __init__(self, name: str, every_s: float, act: Callable[[], None]) -> None:
        self._every_s = every_s
        self._act = act
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_JOIN_WITHIN_S)

    def _run(self) -> None:
        while True:
            try:
                self._act()
            except Exception:
                log.exception("repeated work failed", what=self._thread.name)
            if clock.wait(self._stop, self._every_s):
                return


class Attending:
    """A thread that waits for work again and again. A context manager.

    `act` waits for a moment at most, and then does what there is.
    """

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self._act = act
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_JOIN_WITHIN_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._act()
            except Exception:
                log.exception("attending failed", what=self._thread.name)
