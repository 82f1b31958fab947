"""Counts who is being served, so that nobody can take every seat.

It knows uids and a rule for strangers; what a guest does is not its business.
"""

import os
import threading
from collections import Counter

from expokeep.control.failure import Crowded
from expokeep.control.peer import Peer
from expokeep.control.routes import Limits


class Guests:
    """Seats for a number of guests. Safe to use from any thread."""

    def __init__(self, limits: Limits, group_id: int | None) -> None:
        self._limits = limits
        self._group_id = group_id
        self._seated: Counter[int] = Counter()
        self._strangers = 0
        self._changed = threading.Condition()

    def enter(self, peer: Peer) -> None:
        """Take a seat; `leave` gives it back.

        Raises:
            Crowded: there is none for this peer.
        """
        with self._changed:
            total = self._seated.total()
            own = self._seated[peer.uid]
            if total >= self._limits.connections:
                raise Crowded(f"{total} callers are being served, which is the most")
            if self.is_stranger(peer):
                # However many uids one has, or many have together.
                free = self._limits.connections - self._limits.connections_kept
                if own >= self._limits.connections_of_stranger:
                    raise Crowded(f"{own} callers of uid {peer.uid} are being served")
                if self._strangers >= free:
                    raise Crowded(
                        f"{self._strangers} callers like you are being served"
                    )
                self._strangers += 1
            self._seated[peer.uid] += 1

    def leave(self, peer: Peer) -> None:
        """Give the seat back."""
        with self._changed:
            self._strangers -= self.is_stranger(peer)
            self._seated[peer.uid] -= 1
            self._seated += Counter()  # forgets who is not here any more
            self._changed.notify_all()

    def wait_until_gone(self, timeout_s: float) -> bool:
        """Wait for the last one to leave; return whether that happened."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._seated.total(), timeout_s)

    def is_stranger(self, peer: Peer) -> bool:
        """Return whether it is anybody: not root, not us, not in the group."""
        return peer.uid not in {0, os.geteuid()} and self._group_id not in peer.groups
