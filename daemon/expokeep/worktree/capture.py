"""Files that were opened at the moment of their event: judged and read by descriptor.

They may have no name any more, and their writer may be at them again.
"""

import os
import stat
from dataclasses import dataclass

from expokeep.model.own import Whose, objection
from expokeep.worktree.reading import TRIES, quick_of
from expokeep.worktree.scan import mtime_of, signature_of
from expokeep.worktree.system import details


@dataclass(frozen=True, slots=True)
class Look:
    """What was opened, as far as it matters."""

    size_bytes: int
    mtime_ns: int
    mode: int
    is_linked: bool
    """Whether it still has a name somewhere."""

    def is_unwritten_since(self, later: "Look") -> bool:
        """Return whether nobody wrote to it; to lose a name is no change."""
        return (self.size_bytes, self.mtime_ns) == (later.size_bytes, later.mtime_ns)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was read while nobody wrote to it."""

    data: bytes
    quick: bytes
    mode: int
    mtime_ns: int


def look_at(fd: int, whose: Whose, mount: int | None) -> Look | None:
    """Return what is open, or None if it is none of the session's files.

    Something else than a file, a file of another mount, or one that only another user
    may read: a snapshot leaves these out as well.

    Args:
        fd: what an event's name led to.
        whose: whose the session is.
        mount: that of the session's root; None if nobody knows it any more.
    """
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or objection(found, whose):
        return None
    if mount is not None and details(fd).mount != mount:
        return None
    return Look(
        size_bytes=found.st_size,
        mtime_ns=mtime_of(found),
        mode=stat.S_IMODE(found.st_mode) & 0o777,
        is_linked=found.st_nlink > 0,
    )


def take(fd: int) -> Taken | None:
    """Read all of a file, or None if it was written to each time.

    Raises:
        OSError: it cannot be read.
    """
    for _ in range(TRIES):
        before = os.fstat(fd)
        data = _whole(fd, before.st_size)
        after = os.fstat(fd)
        unwritten = signature_of(before)[:2] == signature_of(after)[:2]
        if unwritten and len(data) == after.st_size:
            mode = stat.S_IMODE(after.st_mode) & 0o777
            return Taken(data, quick_of(data), mode, mtime_of(after))
    return None


def _whole(fd: int, size_bytes: int) -> bytes:
    """Read up to one byte more than was promised, so that a growing file shows."""
    parts: list[bytes] = []
    offset = 0
    while offset <= size_bytes:
        chunk = os.pread(fd, size_bytes + 1 - offset, offset)
        if not chunk:
            break
        parts.append(chunk)
        offset += len(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)
