"""What happened lately, for whoever wants to hear of it.

It forgets: the newest 10,000 are remembered, by this process only. What must not be
lost is in the catalog. Who may hear of what is decided where it is told.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from expokeep import clock
from expokeep.log import get
from expokeep.model.event import Event

log = get(__name__)

MOST = 10_000
"""Events that are remembered."""
HEARTBEAT_S = 5.0
"""So often a follower learns that nothing happened."""

Listener = Callable[[Event], None]
"""Called in the thread of the one who publishes: it must return at once."""


class Events:
    """The newest events, in order. Safe from any thread; nobody waits to publish."""

    def __init__(self) -> None:
        self._ring: deque[Event] = deque(maxlen=MOST)
        self._listeners: list[Listener] = []
        self._news = threading.Condition()
        # In milliseconds: what comes after a restart has a larger number than what was
        # before, so that whoever goes on from a number misses nothing.
        self._newest = clock.now_ns() // 1_000_000
        self._is_over = False

    @property
    def newest(self) -> int:
        """The number of the newest event; before the first, what it will be after."""
        return self._newest

    def publish(self, kind: str, session: str | None, **details: Any) -> None:
        """Tell what happened. Never a token, never a secret; only what JSON can say."""
        with self._news:
            self._newest += 1
            event = Event(
                number=self._newest,
                at=clock.now(),
                kind=kind,
                session=session,
                details=details,
            )
            self._ring.append(event)
            listeners = [*self._listeners]
            self._news.notify_all()
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                # What happened has happened, whatever somebody makes of it.
                log.exception("event not heard", kind=kind)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call somebody with every event from now on; returns how to end that."""
        with self._news:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._news:
                self._listeners.remove(listener)

        return unsubscribe

    def since(self, after: int | None) -> list[Event]:
        """Return what is remembered and has a larger number, oldest first.

        All of it for None, and for a number that only another process can have given.
        """
        with self._news:
            return self._since(after)

    def follow(
        self, after: int | None, stop: threading.Event | None = None
    ) -> Iterator[Event]:
        """Yield events as they come, those after a number first, until `stop` is set.

        It looks at `stop` every few seconds, and ends when the daemon does.
        """
        for batch in self.batches(after):
            if stop is not None and stop.is_set():
                return
            yield from batch

    def batches(self, after: int | None) -> Iterator[list[Event]]:
        """Yield what came, together; an empty list if nothing did for a while."""
        while True:
            found, newest, is_over = self._news_after(after)
            after = newest
            yield found
            if is_over:
                return

    def close(self) -> None:
        """Let all who follow come to an end, with what there was."""
        with self._news:
            self._is_over = True
            self._news.notify_all()

    def _news_after(self, after: int | None) -> tuple[list[Event], int, bool]:
        """Wait a while for news; return them, the newest number, and if it is over."""

        def is_told() -> bool:
            return self._is_over or bool(self._since(after))

        with self._news:
            self._news.wait_for(is_told, HEARTBEAT_S)
            return self._since(after), self._newest, self._is_over

    def _since(self, after: int | None) -> list[Event]:
        if after is None or after > self._newest:
            return [*self._ring]
        missing = min(self._newest - after, len(self._ring))
        return [
            self._ring[at] for at in range(len(self._ring) - missing, len(self._ring))
        ]
