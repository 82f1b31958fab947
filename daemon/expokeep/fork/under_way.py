"""What a process is making right now: one wish for a session at a time."""

import contextlib
import threading
import uuid
from collections.abc import Iterator

from expokeep.errors import Busy
from expokeep.model.names import SessionId


class UnderWay:
    """Lets one in, and turns the next one away. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[SessionId | uuid.UUID] = set()

    @contextlib.contextmanager
    def alone(self, session: SessionId, pack: uuid.UUID) -> Iterator[None]:
        """Keep others from a session and from a wish.

        Raises:
            Busy: somebody is at one of them.
        """
        wanted: set[SessionId | uuid.UUID] = {session, pack}
        with self._lock:
            if wanted & self._held:
                raise Busy(f"a version of {session} is being made; ask again")
            self._held |= wanted
        try:
            yield
        finally:
            with self._lock:
                self._held -= wanted
