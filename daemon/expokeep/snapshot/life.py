"""What was taken early of one life of a session's directory.

A small file is copied into the journal when its writer closes it. A large one, and one
that is not closed yet, stays open: so it can be read, also without a name.
Each snapshot that was kept lets go of what it has seen.
"""

import contextlib
import threading
import uuid
from collections.abc import Collection, Iterator, Mapping

from expokeep import clock
from expokeep.crash import point
from expokeep.errors import NoSpace
from expokeep.model.tree import Entry
from expokeep.snapshot.allowance import Allowance
from expokeep.snapshot.pins import Pin, Pins
from expokeep.snapshot.removal import Removal
from expokeep.snapshot.taken import Latest, TakenPaths
from expokeep.snapshot.vanishing import Vanishing
from expokeep.spool.early import (
    Believed,
    FileTaken,
    Life,
    LinkTaken,
    Moved,
    Reading,
    Record,
    Scanned,
)
from expokeep.spool.journal import Journal, Journals
from expokeep.watch.values import SessionDirectory
from expokeep.worktree import capture

AGAIN_BYTES = 16 * 1024 * 1024
"""Of copies that take the place of others, between two snapshots of one directory."""


class TakenLife:
    """One life. Safe from several threads."""

    def __init__(self, life: Life, journals: Journals, allowance: Allowance) -> None:
        self.life = life
        self.directory = SessionDirectory(
            life.session, life.path, life.device, life.inode, life.uid, life.gid
        )
        self.pins = Pins(life, allowance)
        self.vanishing = Vanishing()
        self.ended_at_s: float | None = None
        """When its end was noticed; None while it stands, or if nobody was there."""
        self.is_over = False
        self._journals = journals
        self._allowance = allowance
        self._lock = threading.Lock()
        self._opened_journal: Journal | None = None
        self._paths = TakenPaths()
        self._removal = Removal(allowance.limits.grace_s)
        self._again_bytes = 0

    @property
    def end_s(self) -> float:
        """When it ended; if nobody was there, when something was last noted of it."""
        if self.ended_at_s is not None:
            return self.ended_at_s
        with self._lock:
            self._journal()
        return self._removal.noted_s

    @property
    def expires_s(self) -> float:
        """What was gone from disk by then was not a part of its end."""
        return self.end_s - self._allowance.limits.grace_s

    def opened(self, path: bytes, fd: int, since_s: float, *, closed: bool) -> None:
        """Take over a file that is open."""
        with self._lock, contextlib.ExitStack() as failing:
            failing.callback(self._allowance.close, fd)
            if (look := self.pins.look_at(fd)) is None:
                return
            with self._resizing() as journal:
                failing.pop_all()
                self.pins.put(path, Pin(fd, look, closed, journal.number))
                if closed:
                    self._copy(path, since_s)

    def closed(self, path: bytes, since_s: float) -> None:
        """Learn that what is open of a path is complete, though its name is gone."""
        with self._lock, self._resizing():
            pin = self.pins.get(path)
            if pin is None or pin.is_closed:
                return
            look = self.pins.look_at(pin.fd)
            if look is None:
                self.pins.let_go(path)
                return
            pin.look, pin.is_closed = look, True
            self._copy(path, since_s)

    def linked(self, path: bytes, target: bytes) -> None:
        """Take a link."""
        with self._lock, self._resizing():
            self.pins.let_go(path)
            self._append(LinkTaken(path, target), b"", b"")

    def moved(self, old: bytes, new: bytes) -> None:
        """Let all that was taken of a path go on under another one."""
        with self._lock, self._resizing() as journal:
            try:
                self._allowance.demand(len(old) + len(new))
                journal.append(Moved(old, new))
            except (NoSpace, OSError) as error:
                self._allowance.drop(self.directory, new, str(error))
            self.pins.move(old, new)
            self._paths.move(old, new)

    def relieve(self) -> None:
        """Hold fewer files open, the oldest first, while there are too many.

        Of a life that is over, there is nothing but what is open: that stays.
        """
        with self._lock, self._resizing():
            for path, pin in self.pins:
                if self.pins.is_read or not self._allowance.is_tight:
                    return
                if pin.is_closed and self._allowance.has(pin.look.size_bytes):
                    self._write(path, clock.monotonic_s())
                if not self.is_over and self.pins.get(path) is not None:
                    self.pins.let_go(path)
                    self._allowance.drop(self.directory, path, "too many open files")

    def rotate(self, newest: uuid.UUID | None) -> int:
        """Begin to take for the next snapshot; return the turn that begins."""
        with self._lock, self._resizing() as journal:
            self._again_bytes = 0
            return journal.rotate(newest)

    def scanned(self) -> None:
        """Mark that a snapshot has looked at everything."""
        with self._lock, self._resizing() as journal:
            if journal:
                journal.append(Scanned())

    def kept(
        self,
        turn: int,
        newest: uuid.UUID | None,
        seen: Collection[bytes],
        believed: Mapping[bytes, Entry] | None,
    ) -> None:
        """Let go of what a snapshot has seen, because it is safe now.

        Args:
            turn: that `rotate` returned when the snapshot began.
            newest: the pack of the newest version, that of the snapshot if it made one.
            seen: what it found on disk.
            believed: deletions that it recorded by itself; None if a person asked for
                it, who meant all of them.

        Raises:
            NoSpace, OSError: nothing was let go of.
        """
        now_s = clock.monotonic_s()
        with self._lock, self._resizing() as journal:
            self._removal.note(believed, newest, now_s)
            doubted = self._removal.believed
            left = [] if believed is None else self._not_seen(turn, seen, now_s)
            records: list[tuple[Record, bytes]] = [(one, b"") for one in doubted]
            records += [(one.record, one.stored.read()) for one in left]
            stored = journal.replace(turn, newest, records)[len(doubted) :]
            for latest, place in zip(left, stored, strict=True):
                latest.stored = place
            self._paths.forget(turn, {one.record.path for one in left})
            grace_s = 0.0 if believed is None else self._allowance.limits.grace_s
            self.pins.release(turn, seen, now_s - grace_s, now_s)

    def reading(self, newest: uuid.UUID | None) -> Reading:
        """Return all that the journal tells, given the newest version.

        Raises:
            OSError: it cannot be read.
        """
        with self._lock:
            return self._journal().read(newest)

    def removal(self, end_s: float) -> list[Believed]:
        """Return the deletions that were a part of the removal which ended then."""
        with self._lock:
            self._journal()
        return self._removal.until(end_s)

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Keep open what is open, whoever would let go of it meanwhile."""
        with self._lock:
            self.pins.is_read = True
        try:
            yield
        finally:
            with self._lock:
                self.pins.was_read()

    def finish(self) -> None:
        """Forget all of it: it is kept, or there was nothing."""
        with self._lock, self._resizing() as journal:
            self.pins.let_all_go()
            journal.remove()

    def close(self) -> None:
        """Let go of what is open; what is on disk stays."""
        with self._lock:
            self.pins.let_all_go()
            if self._opened_journal is not None:
                self._opened_journal.close()

    def _copy(self, path: bytes, since_s: float) -> None:
        """Write a file that is closed into the journal, if it is small enough.

        Otherwise it stays open; so does what is written over and over again.
        """
        pin = self.pins.get(path)
        assert pin is not None  # noqa: S101 - the callers have put it there
        size_bytes = pin.look.size_bytes
        if size_bytes > self._allowance.limits.copy_bytes:
            return
        if not self._allowance.has(size_bytes):
            self._allowance.hasten(self.directory)
            return
        if self._paths.turn_of(path) == self._journal().number:
            self._again_bytes += size_bytes
            if self._again_bytes > AGAIN_BYTES:
                return
        self._write(path, since_s)

    def _write(self, path: bytes, since_s: float) -> None:
        pin = self.pins.get(path)
        assert pin is not None  # noqa: S101 - the callers have looked
        try:
            taken = capture.take(pin.fd)
        except OSError as error:
            self._allowance.drop(self.directory, path, str(error))
            self.pins.let_go(path)
            return
        if taken is None:
            pin.is_closed = False  # it is being written again, and will be closed again
            return
        record = FileTaken(path, taken.mode, taken.mtime_ns)
        is_same = self._paths.is_same(record, taken.quick, self._journal().number)
        if is_same or self._append(record, taken.data, taken.quick):
            self.pins.let_go(path)
            self._allowance.took(since_s)
            point("after-capture")

    def _append(self, record: FileTaken | LinkTaken, data: bytes, quick: bytes) -> bool:
        journal = self._journal()
        try:
            self._allowance.demand(len(record.path) + len(data))
            stored = journal.append(record, data)
        except (NoSpace, OSError) as error:
            self._allowance.drop(self.directory, record.path, str(error))
            return False
        self._paths.add(Latest(record, stored, quick, journal.number))
        return True

    def _not_seen(
        self, turn: int, seen: Collection[bytes], now_s: float
    ) -> list[Latest]:
        """Return what is gone from disk, and not for good yet."""
        doubted, grace_s = self._removal.paths, self._allowance.limits.grace_s
        return [
            latest
            for latest in self._paths.missing(turn, seen, now_s)
            if now_s - (latest.record.gone_at_s or 0.0) < grace_s
            or latest.record.path in doubted
        ]

    def _journal(self) -> Journal:
        """Return the journal; at the first time, with what a former process left."""
        if self._opened_journal is None:
            self._opened_journal = self._journals.of(self.life)
            self._learn(self._opened_journal)
        return self._opened_journal

    def _learn(self, journal: Journal) -> None:
        self._allowance.resize(journal.size_bytes)
        if not journal:
            return
        reading = journal.read(None)
        self._paths.learn(reading)
        self._removal.learn(reading)

    @contextlib.contextmanager
    def _resizing(self) -> Iterator[Journal]:
        journal = self._journal()
        before_bytes = journal.size_bytes
        try:
            yield journal
        finally:
            self._allowance.resize(journal.size_bytes - before_bytes)
