"""Tells the catalog what other hosts should know of this one.

Which directories are no more, and for which sessions something waits here that could
not be recorded: whoever restores elsewhere is warned. Told only when it is news.
"""

import datetime
import threading
from collections.abc import Mapping
from typing import Protocol

from expokeep import clock
from expokeep.catalog.values import Host
from expokeep.errors import ExpokeepError
from expokeep.model.names import SessionId
from expokeep.service.board import Board
from expokeep.spool.spool import Spool

WAITING_S = 5.0
"""What waits no longer than this is on its way, and nobody has to know."""

Held = Mapping[SessionId, tuple[int, datetime.datetime]]


class Told(Protocol):
    """Whom it is told."""

    def tell_held(self, host: Host, held: Held) -> None:
        """Say what a host holds now, of all its sessions."""
        ...

    def end(
        self,
        session: SessionId,
        root: tuple[int, int],
        host: Host,
        ago: datetime.timedelta,
    ) -> None:
        """Note that a directory is no more; `root` is its device and its inode."""
        ...


class Telling:
    """Tells what is news. Safe from any thread."""

    def __init__(self, board: Board, spool: Spool, host: Host, told: Told) -> None:
        self._board = board
        self._spool = spool
        self._host = host
        self._told = told
        self._lock = threading.Lock()
        self._held: Held | None = None
        """What the catalog was told last; None before the first time."""

    def tell_ends(self) -> None:
        """Tell which directories went away.

        Raises:
            BackendUnreachable: nobody answers; they are told another time.
        """
        with self._lock:
            gone = self._board.take_gone()
            while gone:
                directory, at = gone[-1]
                root = (directory.device, directory.inode)
                try:
                    ago = max(clock.now() - at, datetime.timedelta(0))
                    self._told.end(directory.session, root, self._host, ago)
                except ExpokeepError:
                    self._board.put_gone(gone)
                    raise
                gone.pop()

    def tell_held(self, waiting_s: float = WAITING_S) -> None:
        """Tell what waits here for longer than an upload takes, or than `waiting_s`.

        The heartbeat comes first: the host must be known.

        Raises:
            BackendUnreachable: nobody answers; it is told another time.
        """
        held = self._waiting(waiting_s)
        with self._lock:
            if held != self._held:
                self._told.tell_held(self._host, held)
                self._held = held

    def _waiting(self, waiting_s: float) -> Held:
        now, found = clock.now(), {}
        for session in self._spool.sessions():
            backlog = self._spool.backlog(session)
            since = backlog.oldest_at
            if since is not None and abs((now - since).total_seconds()) > waiting_s:
                found[session] = (backlog.entries, since)
        return found
