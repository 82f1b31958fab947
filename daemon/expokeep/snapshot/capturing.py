"""Takes contents early: what the reader hands over is copied by a thread of ours.

The reader must never wait, so it only puts into a queue. A file in the queue is open,
and so is safe from being deleted; once it is copied it is safe from a kill of ours.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from expokeep import clock
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.snapshot.allowance import Allowance
from expokeep.snapshot.life import TakenLife
from expokeep.snapshot.lives import Lives
from expokeep.spool.early import Life
from expokeep.spool.journal import Journals
from expokeep.watch.values import SessionDirectory
from expokeep.worktree.system import details

log = get(__name__)

SETTLE_S = 5.0
"""How long a snapshot waits for what is in the queue. Beyond it nothing is lost: what
comes later is taken for the next snapshot."""
_NAP_S = 1.0

MOST_WAITING = 5_000
"""Of one session, in the queue: the rest is left to its next snapshot."""

Act = Callable[[], None]


@dataclass(slots=True)
class _Line:
    """How much of one session was queued up, and how much of it was done.

    Each is written by one thread only.
    """

    put: int = 0
    done: int = 0


class Capturing:
    """A `watch.values.Capture`, and the thread behind it."""

    def __init__(self, journals: Journals, allowance: Allowance) -> None:
        self.allowance = allowance
        self.lives = Lives(journals, allowance)
        self._standing: dict[SessionDirectory, TakenLife] = {}
        """For the reader alone."""
        self._lines: dict[SessionDirectory, _Line] = {}
        """The same."""
        self._queue: deque[Act] = deque()
        self._wake = threading.Event()

    # --- on the reader's thread -----------------------------------------------------

    def begun(self, directory: SessionDirectory, root: int) -> None:
        """Take care of a directory from now on."""
        found, more = os.fstat(root), details(root)
        life = Life(
            session=directory.session,
            path=directory.path,
            device=found.st_dev,
            inode=found.st_ino,
            birth_ns=more.birth_ns,
            uid=found.st_uid,
            gid=found.st_gid,
            mode=found.st_mode & 0o777,
        )
        taken = self.lives.begin(life)
        taken.pins.mount = more.mount
        self._standing[directory] = taken
        self._lines.setdefault(directory, _Line())

    def opened(
        self, directory: SessionDirectory, path: bytes, fd: int, *, closed: bool
    ) -> None:
        """Take over a file."""
        life = self._standing.get(directory)
        if life is None or self.allowance.is_full or self._is_late(directory):
            os.close(fd)
            if life is not None and closed:
                self.missed(directory)
            return
        self.allowance.opened()
        since_s = clock.monotonic_s()
        self._put(directory, partial(life.opened, path, fd, since_s, closed=closed))

    def found(self, directory: SessionDirectory, path: bytes, fd: int) -> None:
        """Take over a file that was there before its directory was watched."""
        life = self._standing.get(directory)
        if life is None or self.allowance.is_full or self._is_late(directory):
            os.close(fd)
            if life is not None:
                self.missed(directory)
            return
        self.allowance.opened()
        self._put(directory, partial(self._found, life, path, fd, clock.monotonic_s()))

    def closed(self, directory: SessionDirectory, path: bytes) -> None:
        """Learn that a file is complete, whose name is gone."""
        if (life := self._standing.get(directory)) is not None:
            self._put(directory, partial(life.closed, path, clock.monotonic_s()))

    def linked(self, directory: SessionDirectory, path: bytes, target: bytes) -> None:
        """Take a link."""
        if (life := self._standing.get(directory)) is not None:
            self._put(directory, partial(life.linked, path, target))

    def moved(self, directory: SessionDirectory, old: bytes, new: bytes) -> None:
        """Follow a rename."""
        if (life := self._standing.get(directory)) is not None:
            self._put(directory, partial(life.moved, old, new))

    def vanished(self, directory: SessionDirectory) -> None:
        """Note a deletion."""
        if (life := self._standing.get(directory)) is not None:
            life.vanishing.note(clock.monotonic_s())

    def missed(self, directory: SessionDirectory) -> None:
        """Count a file that could not be opened."""
        self.allowance.drop(directory, b"", "too much at once")

    def ended(self, directory: SessionDirectory) -> None:
        """Let a life be over, unless it has another name by now."""
        life = self._standing.pop(directory, None)
        self._lines.pop(directory, None)
        if life is not None and life not in self._standing.values():
            self.lives.end(life)  # somebody will ask what became of it

    def turned(self) -> None:
        """See to it that somebody looks into the queue."""
        if self._queue:
            self._wake.set()

    def leave(self, directory: SessionDirectory) -> None:
        """Take nothing more of a directory: nobody takes snapshots of it."""
        life = self._standing.pop(directory, None)
        self._lines.pop(directory, None)
        if life is not None:
            self.lives.drop(life)
            self._queue.append(life.finish)

    def _is_late(self, directory: SessionDirectory) -> bool:
        """Return whether too much of a session waits: there are others in the queue."""
        line = self._lines[directory]
        return line.put - line.done >= MOST_WAITING

    def _put(self, directory: SessionDirectory, act: Act) -> None:
        if self._is_late(directory):
            self.missed(directory)
            return
        line = self._lines[directory]
        line.put += 1
        self._queue.append(partial(self._do, line, act))

    # --- on a thread of our own -----------------------------------------------------

    def work(self) -> None:
        """Wait for something to take, and take it."""
        clock.wait(self._wake, _NAP_S)
        self._wake.clear()
        while self._queue:
            self._act(self._queue.popleft())
        self.relieve()

    def relieve(self) -> None:
        """Hold fewer files open if there are too many: whose are most go first."""
        if self.allowance.is_tight:
            for life in sorted(self.lives.all(), key=lambda one: -len(one.pins)):
                life.relieve()

    def _found(self, life: TakenLife, path: bytes, fd: int, since_s: float) -> None:
        """Take a file, unless a restore has just put it there as it was kept."""
        if self.lives.is_restored(life.life):
            self.allowance.close(fd)
        else:
            life.opened(path, fd, since_s, closed=True)

    def _do(self, line: _Line, act: Act) -> None:
        line.done += 1
        act()

    def _act(self, act: Act) -> None:
        try:
            act()
        except (ExpokeepError, OSError) as error:
            log.warning("content not taken early", error=str(error))

    # --- for others -----------------------------------------------------------------

    def settle(self, timeout_s: float = SETTLE_S) -> bool:
        """Wait until all that was handed over is taken; return whether it is."""
        done = threading.Event()
        self._queue.append(done.set)
        self._wake.set()
        return clock.wait(done, timeout_s)

    def is_vanishing(self, directory: SessionDirectory) -> bool:
        """Return whether a directory is being removed right now, as it seems."""
        life = self._standing.get(directory)
        return life is not None and life.vanishing.is_so(clock.monotonic_s())

    def close(self) -> None:
        """Let go of all that is open; what is on disk stays for the next process."""
        while self._queue:
            self._act(self._queue.popleft())
        for life in self.lives.all():
            life.close()
