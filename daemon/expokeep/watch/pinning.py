"""Opens what was written the moment its event comes, and hands the descriptor over.

An open file can be read after its name is gone: that is all that is left of a project
which is removed before it has settled. So this is done on the reader's thread, between
two events, and nothing else is: no reading, no hashing, no log.

Its path may be another story: the tree asks the disk, which is ahead of the events.
What is told under a later path, or under none, is lost with the moves that are told
after it. So a directory whose place and events do not agree is astray; once it has a
place, all that is in it is handed over again.
"""

import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from expokeep.watch import inotify
from expokeep.watch.held import HeldDirectories, Kernel
from expokeep.watch.opening import EXHAUSTED, GONE
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
_MOST_DEPARTURES = 64
"""Renames under way: the two events of one come close together."""
_MOST_ASTRAY = 1024
_MOST_FOUND = 10_000
"""Files of one directory that are looked for: the reader has others to attend to."""


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
        self._held = HeldDirectories(kernel, plan, monotonic_s)
        self._departed: OrderedDict[int, tuple[Watched, bytes, Node | None]] = (
            OrderedDict()
        )
        self._mover: Node | None = None
        """The directory whose arrival was told last."""
        self._newcomers: set[Node] = set()
        """Directories that were met since the last turn, with all that is in them."""
        self._astray: OrderedDict[Node, None] = OrderedDict()
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
        for node in list(self._astray):
            path = node.path()
            if path is not None:
                del self._astray[node]
                self._find_below(node, path)
        self._newcomers.clear()
        self._capture.turned()

    def file(self, node: Node, mask: int, cookie: int, name: bytes) -> None:
        """Take one event of a file in `node`."""
        if not mask & _TOLD:
            return
        path = self._path(node, name, is_directory=False)
        if path is None:
            return
        if mask & (inotify.MOVED_OUT | inotify.DELETED):
            self._left(node, name, path, mask, cookie)
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
            self._left(node, name, path, mask, cookie)
        else:
            self._arrived(node.watched, path, mask, cookie)

    def met(self, node: Node, path: bytes, fd: int) -> None:
        """A directory is new to the tree, and open as `fd`; its watch is in place.

        What was made in it before that has no events, so its files are looked for.
        """
        if not self.takes_found or not node.inode:
            return
        self._newcomers.add(node)
        try:
            self._held.hold(node, os.dup(fd))
            self._find_all(node, path)
        except OSError:
            # Out of descriptors: the watch goes on, and the next snapshot takes them.
            self._capture.missed(node.watched.directory)

    def relocated(self, node: Node) -> None:
        """A directory that is known was found elsewhere; maybe nobody told of it."""
        if node is not self._mover:
            self._stray(node)

    def followed(self, node: Node, name: bytes, before: Node | None) -> None:
        """The tree has looked at a directory that arrived where `before` was known."""
        mover, self._mover = self._mover, None
        after = node.children.get(name)
        if before is None and (after is mover or after in self._newcomers):
            return
        for one in (mover, after):
            if one is not None:
                self._stray(one)

    def forgotten(self, node: Node) -> None:
        """A directory is not watched any more."""
        self._astray.pop(node, None)
        self._held.let_go(node)

    def rest(self) -> None:
        """Let go of all directories."""
        self._held.rest()

    def _path(self, node: Node, name: bytes, *, is_directory: bool) -> bytes | None:
        """Return the path of a name, unless it is none of the session's affairs."""
        above = node.path()
        if above is None:
            self._stray(node)
            return None
        path = below(above, name)
        excluded = node.watched.excludes(path, is_directory=is_directory)
        return None if excluded else path

    def _left(
        self, node: Node, name: bytes, path: bytes, mask: int, cookie: int
    ) -> None:
        if mask & inotify.DELETED:
            self._capture.vanished(node.watched.directory)
            return
        self._departed[cookie] = node.watched, path, node.children.get(name)
        while len(self._departed) > _MOST_DEPARTURES:
            self._departed.popitem(last=False)

    def _arrived(self, watched: Watched, path: bytes, mask: int, cookie: int) -> None:
        if mask & inotify.MOVED_IN:
            whose, old, self._mover = self._departed.pop(cookie, (None, b"", None))
            if whose is watched:
                self._capture.moved(watched.directory, old, path)

    def _stray(self, node: Node) -> None:
        node.watched.is_astray = True
        self._astray[node] = None
        while len(self._astray) > _MOST_ASTRAY:
            lost, _ = self._astray.popitem(last=False)
            self._capture.missed(lost.watched.directory)

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

    def _find_below(self, node: Node, path: bytes) -> None:
        """Hand over every file in a directory and in those below it."""
        stack = [(node, path)]
        while stack:
            one, here = stack.pop()
            try:
                self._find_all(one, here)
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._capture.missed(one.watched.directory)
                continue
            for name, child in one.children.items():
                stack.append((child, below(here, name)))

    def _find_all(self, node: Node, path: bytes) -> None:
        """Hand over every file in a directory.

        Raises:
            OSError: it cannot be listed.
        """
        with os.scandir(self._opened(node)) as entries:
            files = (one for one in entries if not one.is_dir(follow_symlinks=False))
            names = [os.fsencode(one.name) for one in islice(files, _MOST_FOUND + 1)]
        if len(names) > _MOST_FOUND:
            self._capture.missed(node.watched.directory)
        node.watched.spent += len(names)
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
        try:
            return self._held.opened(node)
        except OSError as error:
            if error.errno in GONE:
                self._stray(node)
            raise
