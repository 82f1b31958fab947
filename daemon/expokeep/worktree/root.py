"""The root of a session, held by a descriptor, and the way down from it.

Local users own what is below and may swap any name between two system calls. So no
system call here takes a path of more than one part: every step is one name, opened
without following links from the descriptor of the directory above, and judged by
`fstat` of what was opened.
"""

import contextlib
import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expokeep.errors import ExpokeepError, NotFound
from expokeep.worktree.system import details

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Without O_NONBLOCK a FIFO or a write lease could hold us up as long as it likes."""


HELD_DIRECTORIES = 256
"""Deeper than any path: the way down to one is never closed while it is walked."""


class NotADirectory(ExpokeepError):
    """Where a session should be there is a link or a file."""

    hint = "Only directories are kept; a link to one is not followed."


@dataclass(frozen=True, slots=True)
class Root:
    """An open session directory, and what told it from others when it was opened."""

    descriptor: int
    device: int
    inode: int
    birth_ns: int
    mount: int
    uid: int
    gid: int
    mode: int


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Root]:
    """Hold the directory of a session open.

    Raises:
        NotFound: it is gone.
        NotADirectory: a link, or no directory, is in its place.
    """
    try:
        descriptor = os.open(path, DIRECTORY)
    except FileNotFoundError as error:
        raise NotFound(f"{path} does not exist") from error
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise NotADirectory(f"{path} is not a directory") from error
        raise
    try:
        found, more = os.fstat(descriptor), details(descriptor)
        yield Root(
            descriptor=descriptor,
            device=found.st_dev,
            inode=found.st_ino,
            birth_ns=more.birth_ns,
            mount=more.mount,
            uid=found.st_uid,
            gid=found.st_gid,
            mode=stat.S_IMODE(found.st_mode) & 0o777,
        )
    finally:
        os.close(descriptor)


def still_there(root: Root, path: Path) -> bool:
    """Return whether `path` still leads to the directory that we hold."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (root.device, root.inode)


@contextlib.contextmanager
def parent_of(top: int, path: bytes) -> Iterator[tuple[int, bytes]]:
    """Open the directory above `path`, one name at a time from `top`.

    Yields:
        Its descriptor, and the last name of `path`.

    Raises:
        OSError: a part is missing, is a link, or is no directory.
    """
    *above, name = path.split(b"/")
    current = os.dup(top)
    try:
        for part in above:
            following = os.open(part, DIRECTORY, dir_fd=current)
            os.close(current)
            current = following
        yield current, name
    finally:
        os.close(current)


class Directories:
    """Directories below a top that are held open, the ones used last.

    For a walk in the order of paths, which asks for the same few again and again.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._held: OrderedDict[bytes, int] = OrderedDict()

    def of(self, path: bytes) -> tuple[int, bytes]:
        """Return the open directory above `path`, and the last name of `path`.

        Raises:
            OSError: as `parent_of`.
        """
        above, _, name = path.rpartition(b"/")
        return self.opened(above), name

    def opened(self, path: bytes) -> int:
        """Return an open directory; it may be closed by the second call after this."""
        if not path:
            return self._top
        if path in self._held:
            self._held.move_to_end(path)
            return self._held[path]
        above, name = self.of(path)
        descriptor = os.open(name, DIRECTORY, dir_fd=above)
        self._held[path] = descriptor
        while len(self._held) > HELD_DIRECTORIES:
            _, oldest = self._held.popitem(last=False)
            os.close(oldest)
        return descriptor

    def close(self) -> None:
        """Close what is held."""
        while self._held:
            _, descriptor = self._held.popitem()
            os.close(descriptor)


def open_file(top: int, path: bytes) -> int:
    """Open a regular file below `top` for reading.

    Raises:
        OSError: as `open(2)`; ELOOP for a link, EINVAL for anything that is no file.
    """
    with parent_of(top, path) as (parent, name):
        return opened_in(parent, name)


def opened_in(parent: int, name: bytes) -> int:
    """Open a regular file in an open directory for reading.

    Raises:
        OSError: as `open_file`.
    """
    descriptor = os.open(name, FILE, dir_fd=parent)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(name))
