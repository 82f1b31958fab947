"""What the daemon knows of each session directory right now, for workers and `status`.

The observer writes here on its own thread, so nothing in here waits for anything.
"""

import datetime
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from expokeep import clock
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.service.turnstile import Turnstile
from expokeep.watch.values import SessionDirectory
from expokeep.worktree.scan import Reason

log = get(__name__)


MAX_GONE = 10_000
"""Ends that are remembered until somebody can be told of them."""

_LOG_EVERY_S = 10.0

Gone = tuple[SessionDirectory, datetime.datetime]
"""A directory that is no more, and when that was seen."""


@dataclass(slots=True)
class Line:
    """One session directory."""

    directory: SessionDirectory
    changed_at: datetime.datetime | None = None
    """When the oldest change happened that is in no snapshot yet."""
    is_taken: bool = False
    """A snapshot of it is under way."""
    taking_since: datetime.datetime | None = None
    """When the oldest change happened that this snapshot is to keep."""
    last_error: str | None = None
    failures: int = 0
    refused: ExpokeepError | None = None
    """Why the spool does not take it: it is full, or its disk fails."""
    refused_since: datetime.datetime | None = None
    too_big: ExpokeepError | None = None
    """Why it stays at its last version: it is larger than a build may be."""
    skipped: Mapping[bytes, Reason] = field(default_factory=dict)
    excluded_count: int = 0
    walked_s: float = 0.0
    """When its watches were last compared with its directories, on a clock that never
    jumps."""

    @property
    def is_unsaved(self) -> bool:
        """Whether something of it is in no snapshot yet."""
        return self.changed_at is not None or self.is_taken

    @property
    def unsaved_since(self) -> datetime.datetime | None:
        """When the oldest change happened that is certainly in no snapshot."""
        known = (self.changed_at, self.taking_since)
        return min((at for at in known if at is not None), default=None)

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(os.fsdecode(self.directory.path))


class Board:
    """All session directories. The sink of the observer; safe from any thread."""

    def __init__(
        self, turnstile: Turnstile[SessionDirectory, SessionId], *, max_sessions: int
    ) -> None:
        self._turnstile = turnstile
        self.max_sessions = max_sessions
        self.max_sessions_per_uid = max_sessions
        self._lock = threading.Lock()
        self._lines: dict[bytes, Line] = {}
        self._ended: list[Line] = []
        self._gone: deque[Gone] = deque(maxlen=MAX_GONE)
        self._refused: dict[int, dict[bytes, SessionDirectory]] = {}
        """By uid: of whoever makes them by the thousand, one counts as much as all."""
        self._logged_s = float("-inf")
        self.refused: Callable[[SessionDirectory], None] = lambda _: None
        """Called with a directory that is left alone."""

    def appeared(self, directory: SessionDirectory) -> None:
        """Take a new directory on; it is looked at once it is quiet."""
        with self._lock:
            if why := self._is_too_many(directory):
                self._refuse(directory, why)
                self.refused(directory)
                return
            self._take(directory)
        self._turnstile.touched(directory)

    def let_in(self) -> None:
        """Take on what was left alone, as far as the bounds let us by now.

        Of these nothing is taken early until the next start, only by snapshots.
        """
        taken: list[SessionDirectory] = []
        with self._lock:
            free = self.max_sessions - len(self._lines)
            of_uid = Counter(line.directory.uid for line in self._lines.values())
            for uid, refused in list(self._refused.items()):
                most = min(self.max_sessions_per_uid - of_uid[uid], free - len(taken))
                taken += islice(refused.values(), max(0, most))
            for directory in taken:
                self._take(directory)
        for directory in taken:
            self._turnstile.touched(directory)

    def _take(self, directory: SessionDirectory) -> None:
        self._forget_refusal(directory)
        self._lines[directory.path] = Line(directory, changed_at=clock.now())

    def _is_refused(self, directory: SessionDirectory) -> bool:
        return directory.path in self._refused.get(directory.uid, {})

    def _forget_refusal(self, directory: SessionDirectory) -> None:
        refused = self._refused.get(directory.uid, {})
        refused.pop(directory.path, None)
        if not refused:
            self._refused.pop(directory.uid, None)

    def _is_too_many(self, directory: SessionDirectory) -> str:
        """Return which bound a directory would be beyond, if any."""
        if len(self._lines) >= self.max_sessions:
            return "max-sessions is reached"
        of_one = sum(
            line.directory.uid == directory.uid for line in self._lines.values()
        )
        is_too_many = of_one >= self.max_sessions_per_uid
        return "max-sessions-per-uid is reached" if is_too_many else ""

    def _refuse(self, directory: SessionDirectory, why: str) -> None:
        is_new = not self._is_refused(directory)
        self._refused.setdefault(directory.uid, {})[directory.path] = directory
        now_s = clock.monotonic_s()
        if is_new and now_s >= self._logged_s + _LOG_EVERY_S:
            # Whoever makes sessions by the thousand does not fill the log as well.
            self._logged_s = now_s
            left_alone, uid = self.left_alone_count, directory.uid
            log.error("session left alone", why=why, uid=uid, left_alone=left_alone)

    def changed(self, directory: SessionDirectory) -> None:
        """Note that something below changed."""
        line = self.line(directory.path)
        if line is None and self._is_refused(directory):
            self.appeared(directory)  # there may be room by now
        elif line is not None:
            if line.changed_at is None:
                line.changed_at = clock.now()
            self._turnstile.touched(directory)

    def disappeared(self, directory: SessionDirectory) -> None:
        """Let go of a directory. What was kept of it stays as it was: no edit."""
        with self._lock:
            line = self._lines.pop(directory.path, None)
            if line is not None:
                self._ended.append(line)
                self._gone.append((directory, clock.now()))
            self._forget_refusal(directory)
            is_waited_for = bool(line is not None and self._refused)
        self._turnstile.forget(directory)
        # A worker writes the end down: here nothing may wait for a disk.
        self._turnstile.schedule(directory)
        if is_waited_for:
            self.let_in()  # whose directory does not change tells nothing again

    def doubted(self) -> None:
        """Look at everything again: events were lost."""
        for line in self.lines():
            self.changed(line.directory)

    def line(self, path: bytes) -> Line | None:
        """Return what is known of a directory."""
        with self._lock:
            return self._lines.get(path)

    def lines(self, session: SessionId | None = None) -> list[Line]:
        """Return all directories, or those of one session."""
        with self._lock:
            return [
                line
                for line in self._lines.values()
                if session in (None, line.directory.session)
            ]

    @property
    def left_alone_count(self) -> int:
        """How many directories are one too many."""
        return sum(map(len, [*self._refused.values()]))

    def take_ended(self, session: SessionId) -> list[Line]:
        """Return directories of a session that went away since this was last asked."""
        with self._lock:
            ended = [one for one in self._ended if one.directory.session == session]
            self._ended = [one for one in self._ended if one not in ended]
            return ended

    def give_back(self, line: Line) -> None:
        """Let the end of a directory be asked for again."""
        with self._lock:
            self._ended.append(line)

    def take_gone(self) -> list[Gone]:
        """Return what went away and when, and forget it: it is to be told."""
        with self._lock:
            gone = [*self._gone]
            self._gone.clear()
            return gone

    def put_gone(self, gone: Iterable[Gone]) -> None:
        """Take back what could not be told."""
        with self._lock:
            self._gone.extend(gone)

    def main_line(self, session: SessionId) -> Line | None:
        """Return the directory that a person means by a session's name.

        That is `expo-<sid>`, and otherwise the newest of the others.
        """
        lines = self.lines(session)
        exact = [line for line in lines if line.path.name == f"expo-{session}"]
        return next(iter(exact or lines[-1:]), None)
