"""How far each upload is, for whoever waits for one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from expokeep.model.names import SessionId


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of a session's snapshot that are in the bucket, and that are to be."""

    done_bytes: int
    total_bytes: int


class Progresses:
    """The uploads under way. Told by shippers, read by control requests."""

    def __init__(self) -> None:
        self.alive: Callable[[SessionId], None] = lambda _session: None
        """Called as well, for whoever watches that work gets done."""
        self._changed = threading.Condition()
        self._by_session: dict[SessionId, Progress] = {}

    def tell(self, session: SessionId, done_bytes: int, total_bytes: int) -> None:
        """Note how far a session's upload is."""
        self.alive(session)
        with self._changed:
            if done_bytes < total_bytes:
                self._by_session[session] = Progress(done_bytes, total_bytes)
            else:
                self._by_session.pop(session, None)
            self._changed.notify_all()

    def of(self, session: SessionId) -> Progress | None:
        """Return how far a session's upload is, if one is under way."""
        with self._changed:
            return self._by_session.get(session)
