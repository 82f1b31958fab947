"""Lives of directories of which contents are taken.

Those that stand, and those that are gone and whose last version is still to be kept.
"""

import os
import threading
from collections import deque
from pathlib import Path

from expokeep import clock
from expokeep.catalog.values import RootIdentity
from expokeep.errors import ExpokeepError
from expokeep.model.names import SessionId
from expokeep.snapshot.allowance import Allowance
from expokeep.snapshot.life import TakenLife
from expokeep.spool.early import Life
from expokeep.spool.journal import Journals
from expokeep.worktree.root import opened

LifeKey = tuple[SessionId, int, int, int]
_REMEMBERED_RESTORES = 64


class Lives:
    """Keeps them. Safe from any thread, and never waits for a disk but in `left`."""

    def __init__(self, journals: Journals, allowance: Allowance) -> None:
        self._journals = journals
        self._allowance = allowance
        self._lock = threading.Lock()
        self._known: dict[LifeKey, TakenLife] = {}
        self._over: list[TakenLife] = []
        self._restored: deque[LifeKey] = deque(maxlen=_REMEMBERED_RESTORES)

    def begin(self, life: Life) -> TakenLife:
        """Return what is taken of a life that stands; perhaps it had begun before."""
        with self._lock:
            known = self._known.get(_key(life))
            if known is None:
                known = TakenLife(life, self._journals, self._allowance)
                self._known[_key(life)] = known
            # It was renamed away and has come back: no end after all.
            known.ended_at_s, known.is_over = None, False
            if known in self._over:
                self._over.remove(known)
        return known

    def expect_restored(self, session: SessionId, identity: RootIdentity) -> None:
        """Learn that a restore is about to show a directory: all in it is kept."""
        key = (session, identity.device, identity.inode, identity.birth_ns)
        with self._lock:
            self._restored.append(key)

    def is_restored(self, life: Life) -> bool:
        """Return whether a directory was made by a restore, a short while ago."""
        with self._lock:
            return _key(life) in self._restored

    def end(self, life: TakenLife) -> None:
        """Let a life be over now."""
        with self._lock:
            life.ended_at_s, life.is_over = clock.monotonic_s(), True
            self._over.append(life)

    def drop(self, life: TakenLife) -> None:
        """Know nothing of a life any more."""
        with self._lock:
            self._known.pop(_key(life.life), None)

    def of(self, session: SessionId, identity: RootIdentity) -> TakenLife | None:
        """Return what is taken of a life that stands."""
        key = (session, identity.device, identity.inode, identity.birth_ns)
        return self._known.get(key)

    def all(self) -> list[TakenLife]:
        """Return those that stand, and those that do not and are not kept yet."""
        with self._lock:
            gone = [one for one in self._over if one not in self._known.values()]
            return [*self._known.values(), *gone]

    def left(self) -> list[TakenLife]:
        """Return the lives that ended while no process was there."""
        found = [
            TakenLife(life, self._journals, self._allowance)
            for life in self._journals.left()
            if not _stands(life)
        ]
        for life in found:
            life.is_over = True
        return found

    def adopt(self, life: TakenLife) -> None:
        """Let the end of a life be asked for of which no event told."""
        with self._lock:
            self._over.append(life)

    def has_ended(self, session: SessionId) -> bool:
        """Return whether the end of a life of a session is still to be kept."""
        with self._lock:
            return any(life.life.session == session for life in self._over)

    def take_over(self, session: SessionId) -> list[TakenLife]:
        """Return the lives of a session that are over, once each."""
        with self._lock:
            mine = [life for life in self._over if life.life.session == session]
            for life in mine:
                self._over.remove(life)
        return mine

    def give_back(self, life: TakenLife) -> None:
        """Let a life be asked for again: its end could not be kept."""
        with self._lock:
            if life.is_over:
                self._over.append(life)

    def bury(self, life: TakenLife) -> bool:
        """Forget a life: all of it is kept. Not if it came back under its name."""
        with self._lock:
            if life.is_over:
                life.finish()
                self._known.pop(_key(life.life), None)
            return life.is_over


def _key(life: Life) -> LifeKey:
    return (life.session, life.device, life.inode, life.birth_ns)


def _stands(life: Life) -> bool:
    try:
        with opened(Path(os.fsdecode(life.path))) as root:
            now = (root.device, root.inode, root.birth_ns)
            return now == (life.device, life.inode, life.birth_ns)
    except (ExpokeepError, OSError):
        return False
