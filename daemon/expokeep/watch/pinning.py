"""Opens what was written the moment its event comes, and hands the descriptor over.

An open file can be read after its name is gone: that is all that is left of a project
which is removed before it has settled. So this is done on the reader's thread, between
two events, and nothing else is: no reading, no hashing, no log.

A directory is held open for at most a second after its last use, and files are opened
through it: wherever it was moved to, its descriptor leads to the directory that the
event is of.
"""

import contextlib
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from expokeep.watch import inotify
from expokeep.watch.opening import EXHAUSTED, open_directory
from expokeep.watch.values import Capture, SessionDirectory
from expokeep.watch.watched import Node, Watched, below

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TOLD = (
    inotify.CREATED
    | inotify.CLOSED
    | inotify.MOVED_IN
    | inotify.MOVED_OUT
    | inotify.DELETED
)
_HELD_DIRECTORIES = 128
_HELD_S = 1.0
"""A directory that is held open cannot be unmounted, so not for long."""
_MOST_DEPARTURES = 64
"""Renames under way: the two events of one come close together."""


class Kernel(Protocol):
    """Who tells whether this is still the directory that a watch is on."""

    def watch(self, fd: int) -> int:
        """Watch an open directory; the same one always has the same descriptor."""


class Pinning:
    """Serves one capture. Not for several threads."""

    def __init__(
        self,
        capture: Capture,
        kernel: Kernel,
        plan: Callable[[float, Callable[[], None]], None],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._capture = capture
        self._kernel = kernel
        self._plan = plan
        self._monotonic_s = monotonic_s
        self._held: OrderedDict[Node, int] = OrderedDict()
        self._departed: OrderedDict[int, tuple[Watched, bytes]] = OrderedDict()
        self._astray: OrderedDict[Node, None] = OrderedDict()
        """Directories that were not where they should be when a file in them was."""
        self.takes_found = False
        """Whether files that a walk finds are handed over: not at the start, when all
        of them are there already."""

    def begin(self, directory: SessionDirectory, fd: int) -> None:
        """A session is about to be watched; its root is open as `fd`."""
        self._capture.begun(directory, fd)

    def end(self, directory: SessionDirectory) -> None:
        """A session's root is gone."""
        self._capture.ended(directory)

    def turned(self) -> None:
        """All events that were read have been told."""
        self._capture.turned()

    def file(self, node: Node, mask: int, cookie: int, name: bytes) -> None:
        """Take one event of a file in `node`."""
        if not mask & _TOLD:
            return
        path = self._path(node, name, is_directory=False)
        if path is None:
            return
        if mask & (inotify.MOVED_OUT | inotify.DELETED):
            self._left(node.watched, path, mask, cookie)
            return
        self._arrived(node.watched, path, mask, cookie)
        self._take(node, name, path, closed=not mask & inotify.CREATED)

    def directory(self, node: Node, mask: int, cookie: int, name: bytes) -> None:
        """Take one event of a directory in `node`, before the tree follows it."""
        if not mask & _TOLD:
            return
        path = self._path(node, name, is_directory=True)
        if path is None:
            return
        if mask & (inotify.MOVED_OUT | inotify.DELETED):
            self._left(node.watched, path, mask, cookie)
        else:
            self._arrived(node.watched, path, mask, cookie)

    def met(self, node: Node, path: bytes, fd: int) -> None:
        """A directory is new to the tree, and open as `fd`; its watch is in place.

        What was made in it before that has no events, so its files are looked for.
        """
        if not self.takes_found or not node.inode:
            return
        try:
            self._hold(node, os.dup(fd))
            self._find_all(node, path)
        except OSError:
            # Out of descriptors: the watch goes on, and the next snapshot takes them.
            self._capture.missed(node.watched.directory)

    def followed(self) -> None:
        """The tree has followed a rename: what was astray may be found now."""
        for node in list(self._astray):
            path = node.path()
            if path is not None:
                del self._astray[node]
                with contextlib.suppress(OSError):
                    self._opened(node)
                    self._find_all(node, path)

    def forgotten(self, node: Node) -> None:
        """A directory is not watched any more."""
        self._astray.pop(node, None)
        fd = self._held.pop(node, None)
        if fd is not None:
            os.close(fd)

    def rest(self) -> None:
        """Let go of all directories."""
        while self._held:
            _, fd = self._held.popitem()
            os.close(fd)

    def _path(self, node: Node, name: bytes, *, is_directory: bool) -> bytes | None:
        """Return the path of a name, unless it is none of the session's affairs."""
        above = node.path()
        if above is None:
            return None
        path = below(above, name)
        excluded = node.watched.excludes(path, is_directory=is_directory)
        return None if excluded else path

    def _left(self, watched: Watched, path: bytes, mask: int, cookie: int) -> None:
        if mask & inotify.DELETED:
            self._capture.vanished(watched.directory)
            return
        self._departed[cookie] = watched, path
        while len(self._departed) > _MOST_DEPARTURES:
            self._departed.popitem(last=False)

    def _arrived(self, watched: Watched, path: bytes, mask: int, cookie: int) -> None:
        if mask & inotify.MOVED_IN:
            whose, old = self._departed.pop(cookie, (None, b""))
            if whose is watched:
                self._capture.moved(watched.directory, old, path)

    def _take(self, node: Node, name: bytes, path: bytes, *, closed: bool) -> None:
        directory = node.watched.directory
        try:
            fd = self._file(node, name, path)
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._capture.missed(directory)
            if closed:
                self._capture.closed(directory, path)
            return
        if fd is not None:
            self._capture.opened(directory, path, fd, closed=closed)

    def _find_all(self, node: Node, path: bytes) -> None:
        """Hand over every file in a directory that is held open.

        Raises:
            OSError: it cannot be listed.
        """
        with os.scandir(self._held[node]) as entries:
            names = [
                os.fsencode(entry.name)
                for entry in entries
                if not entry.is_dir(follow_symlinks=False)
            ]
        for name in names:
            here = below(path, name)
            if not node.watched.excludes(here, is_directory=False):
                self._find(node, name, here)

    def _find(self, node: Node, name: bytes, path: bytes) -> None:
        directory = node.watched.directory
        try:
            fd = self._file(node, name, path)
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._capture.missed(directory)
            return
        if fd is not None:
            self._capture.found(directory, path, fd)

    def _file(self, node: Node, name: bytes, path: bytes) -> int | None:
        """Open a file; None if it is none.

        Raises:
            OSError: it is gone, or we may not, or there is no descriptor left.
        """
        above = self._opened(node)
        status = os.stat(name, dir_fd=above, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            target = os.fsencode(os.readlink(name, dir_fd=above))
            self._capture.linked(node.watched.directory, path, target)
            return None
        if not stat.S_ISREG(status.st_mode):
            return None  # to open a pipe is to be seen at its other end
        return os.open(name, _FILE, dir_fd=above)

    def _opened(self, node: Node) -> int:
        """Return a descriptor of the very directory that a node stands for.

        Raises:
            OSError: it is not to be found where it should be.
        """
        fd = self._held.get(node)
        if fd is None:
            try:
                fd = self._reached(node)
            except FileNotFoundError:
                self._astray[node] = None
                while len(self._astray) > _MOST_DEPARTURES:
                    self._astray.popitem(last=False)
                raise
            self._hold(node, fd)
        else:
            self._held.move_to_end(node)
        return fd

    def _reached(self, node: Node) -> int:
        watched = node.watched
        fd = open_directory(watched.directory.path)
        try:
            # Another directory may have this name by now, and even the same inode
            # number. A watch knows better.
            if self._kernel.watch(fd) != watched.root.wd:
                raise FileNotFoundError
            for name in node.place()[1]:
                above, fd = fd, open_directory(name, fd)
                os.close(above)
            status = os.fstat(fd)
            is_same_device = status.st_dev == watched.directory.device
            if status.st_ino != node.inode or not is_same_device:
                raise FileNotFoundError
        except OSError:
            os.close(fd)
            raise
        return fd

    def _hold(self, node: Node, fd: int) -> None:
        if not self._held:
            self._plan(self._monotonic_s() + _HELD_S, self.rest)
        self.forgotten(node)
        self._held[node] = fd
        while len(self._held) > _HELD_DIRECTORIES:
            _, oldest = self._held.popitem(last=False)
            os.close(oldest)
