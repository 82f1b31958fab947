"""The words of the watch: where to look, what was found, and who wants to know.

Values only; nothing here touches a disk or a thread.
"""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from expokeep import clock
from expokeep.model.ignore import Rules
from expokeep.model.names import SessionId, session_of_directory

UNKNOWN_GID = -1


@dataclass(frozen=True, slots=True)
class WatchRoot:
    """A directory in which sessions appear, and how their directories are called.

    `path` is absolute. `naming` is a pattern with a group `sid`; without one the names
    are those that `model.names` knows.
    """

    path: bytes
    glob: bytes = b"expo-*"
    naming: re.Pattern[str] | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith(b"/") or self.path.endswith(b"/"):
            raise ValueError(f"not an absolute path of a directory: {self.path!r}")

    def matches(self, name: bytes) -> bool:
        """Return whether a directory of this name means to be a session.

        >>> WatchRoot(b"/tmp").matches(b"expo-x"), WatchRoot(b"/tmp").matches(b"x")
        (True, False)
        """
        return fnmatch.fnmatchcase(name, self.glob)

    def session_of(self, name: bytes) -> SessionId | None:
        """Return the session that a directory of this name belongs to, if any."""
        if self.naming is None:
            return session_of_directory(name)
        return session_of_directory(name, self.naming)


@dataclass(frozen=True, slots=True)
class SessionDirectory:
    """One life of a session's directory: another inode is another directory.

    Two of them may belong to one session (`expo-abc`, `expo-abc-restored-<uuid>`). An
    inode number can come back at once on some file systems, so equality is a hint;
    `disappeared` and `appeared` are what separates two lives.
    """

    session: SessionId
    path: bytes
    device: int
    inode: int
    uid: int
    gid: int = field(default=UNKNOWN_GID, compare=False)
    """A group of that user. Another one is no other life."""


class Sink(Protocol):
    """Whom the observer tells. Called on the reader's thread: must be quick.

    An exception is logged and counted, and ends in `doubted`. What is told about a
    directory is told in order: `appeared`, then any number of `changed`, then
    `disappeared`.
    """

    def appeared(self, directory: SessionDirectory) -> None:
        """A session is there: at the start, created, or renamed to this name."""

    def changed(self, directory: SessionDirectory) -> None:
        """Something below the directory changed, or may have."""

    def disappeared(self, directory: SessionDirectory) -> None:
        """The session's root is gone: deleted, replaced, or renamed away."""

    def doubted(self) -> None:
        """Events were lost: every session is suspect."""


class Capture(Protocol):
    """Who takes contents at the moment of their event.

    Called on the reader's thread, between two events, for what no rule leaves out: so
    it must be very quick, and must not raise. Paths are relative to the session.
    """

    def begun(self, directory: SessionDirectory, root: int) -> None:
        """A session is watched from now on; `root` is open only during this call."""

    def opened(
        self, directory: SessionDirectory, path: bytes, fd: int, *, closed: bool
    ) -> None:
        """A file is open as `fd`, which is the capture's from now on.

        It may be anything that an open can lead to. Until it is `closed` by its writer
        it may be half a file.
        """

    def found(self, directory: SessionDirectory, path: bytes, fd: int) -> None:
        """As `opened`, of a file of which there was no event: it was there before."""

    def closed(self, directory: SessionDirectory, path: bytes) -> None:
        """A writer has closed a file that cannot be opened any more."""

    def linked(self, directory: SessionDirectory, path: bytes, target: bytes) -> None:
        """A symbolic link was made."""

    def moved(self, directory: SessionDirectory, old: bytes, new: bytes) -> None:
        """A file, or a directory with all that is below it, has another path."""

    def vanished(self, directory: SessionDirectory) -> None:
        """Something was deleted."""

    def missed(self, directory: SessionDirectory) -> None:
        """A file could not be opened because there is no descriptor left."""

    def ended(self, directory: SessionDirectory) -> None:
        """The session's root is gone. The sink is told next."""

    def turned(self) -> None:
        """All events that were read have been told, for now."""


@dataclass(frozen=True, slots=True)
class Timings:
    """How patient the watch is; tests are less so."""

    listing_every_s: float = 30.0
    """A backstop: sessions are found by events long before."""
    park_s: float = 1.0
    """How long a directory that moved out may take to reappear."""
    storm_s: float = 20.0
    """In which a session may have `max_events` events."""
    walk_pause_s: float = 1.0
    """Between two walks of one session that nobody asked for."""
    poll_first_s: float = 5.0
    poll_most_s: float = 60.0
    doubt_first_s: float = 1.0
    doubt_most_s: float = 60.0
    cookie_every_s: float = 10.0
    cookie_within_s: float = 5.0
    start_within_s: float = 120.0
    """For the first look at everything; a disk that hangs must not hang us."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that a watch is told once."""

    roots: tuple[WatchRoot, ...]
    excluded: Callable[[SessionDirectory], Rules]
    """Called on the reader's thread, at any time. Must not raise because of what a
    project wrote into its ignore file: an exception puts every session in doubt."""
    sink: Sink
    timings: Timings = Timings()
    capture: Capture | None = None
    ignore_file: bytes = b".expokeepignore"
    """At the root of a session; a change of it asks `excluded` again."""
    max_watches: int = 16_384
    """Of one session: nobody may use up what all need."""
    max_directories: int = 100_000
    """Of all sessions together; the listing looks again whether there is room."""
    max_events: int = 100_000
    """Of one session in `storm_s`: with more it is polled for a while instead, so that
    it cannot keep the reader from the others, nor have the kernel drop theirs."""
    monotonic_s: Callable[[], float] = clock.monotonic_s


@dataclass(slots=True)
class Counters:
    """What went wrong since the start; they outlive a reader that is replaced."""

    overflows: int = 0
    errors: int = 0
    rebuilds: int = 0


@dataclass(frozen=True, slots=True)
class WatchStats:
    """How the watch is doing."""

    watches: int
    sessions: int
    degraded: tuple[tuple[SessionDirectory, str], ...]
    """Sessions that are polled because not all of them can be watched, and why."""
    unwatched_roots: tuple[bytes, ...]
    invalid_names: tuple[bytes, ...]
    overflows: int
    errors: int
    rebuilds: int
