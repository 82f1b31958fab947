"""The directories below the sessions' roots, and the kernel's watch on each of them.

Every question is put to the disk, never to an event: an event only says where to look.
A watch descriptor names a directory itself, wherever it is, so a rename, a swap and a
stale event all end in the same comparison: is this the directory that I know? While
events wait in the queue a node may be in the wrong place; each rename inside a session
is followed by a walk, which puts all of them right.

Knows neither which sessions there are nor whom to tell. Not for several threads.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from expokeep.model.own import objection
from expokeep.watch.opening import (
    EXHAUSTED,
    GONE,
    directories_in,
    errno_name,
    open_below,
    open_directory,
)
from expokeep.watch.watched import UNWATCHED_WD, Node, Watched, below

MAX_DEPTH = 128
"""Each level holds a descriptor while it is walked; a deeper tree is polled."""


class Kernel(Protocol):
    """Who places watches; see `inotify.Reader`."""

    def watch(self, fd: int) -> int:
        """Watch an open directory; the same one always has the same descriptor."""

    def unwatch(self, wd: int) -> None:
        """End a watch, which may have ended by itself."""


class Onlooker(Protocol):
    """Who wants to know which directories there are; see `pinning.Pinning`."""

    def met(self, node: Node, path: bytes, fd: int) -> None:
        """A directory is new, and open as `fd`. Called after its watch is placed."""

    def relocated(self, node: Node) -> None:
        """A directory that is known was found at another place than it had."""

    def forgotten(self, node: Node) -> None:
        """A directory is not watched any more."""


class WatchTree:
    """Keeps nodes, kernel and disk in line, one directory at a time."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        park_s: float,
        max_watches: int,
        monotonic_s: Callable[[], float],
        onlooker: Onlooker | None = None,
    ) -> None:
        self._kernel = kernel
        self._onlooker = onlooker
        self._park_s = park_s
        self._max_watches = max_watches
        self._monotonic_s = monotonic_s
        self._nodes: dict[int, Node] = {}
        self._parked: dict[Node, tuple[float, int]] = {}
        self.placed = 0
        """Watches that were ever placed: whether a walk found something new."""
        self.suspects: set[Watched] = set()
        """Sessions that want a walk, for the owner to take."""
        self.troubled: set[Watched] = set()
        """Sessions that cannot be watched completely, for the owner to take."""

    def __len__(self) -> int:
        return len(self._nodes)

    def node(self, wd: int) -> Node | None:
        """Return the directory that a watch is on."""
        return self._nodes.get(wd)

    def plant(self, watched: Watched, wd: int) -> None:
        """Begin a session with the watch on its root."""
        stranger = self._nodes.get(wd)
        if stranger is not None and stranger is not watched.root:
            self.cut(stranger)
        self._enter(watched.root, wd, watched.directory.inode)

    def uproot(self, watched: Watched) -> None:
        """End all watches of a session."""
        for node in [node for node in self._parked if node.watched is watched]:
            self.cut(node)
        self.cut(watched.root)
        self.suspects.discard(watched)
        self.troubled.discard(watched)

    def walk(self, watched: Watched, fd: int) -> None:
        """Bring all below the root, open as `fd`, in line with the disk."""
        watched.trouble = ""
        with self._noting_trouble(watched):
            self._list(watched.root, b"", fd)
        self.suspects.discard(watched)

    def trouble(self, watched: Watched, reason: str) -> None:
        """Note that not all of a session can be watched."""
        watched.trouble = reason
        self.troubled.add(watched)

    def look(self, node: Node, name: bytes, cookie: int = 0) -> None:
        """Bring one name in a directory in line with what is there now.

        `cookie` is the same for the two names of one rename.
        """
        above = node.path()
        if above is None:
            return  # parked: it is walked when, and if, it is found again
        path = below(above, name)
        if self._left_out(node, name, path):
            self._cut_moved(cookie)
            return
        with self._noting_trouble(node.watched):
            # If the directory has moved since, another one may have its name by now.
            # Then an event of the move waits in the queue, and a walk will follow it.
            fd = open_below(node.watched.directory.path, node.place()[1])
            here = node.children.get(name)
            try:
                self._meet(node, name, path, fd)
            finally:
                os.close(fd)
            if here in self._parked:
                self._parked[here] = self._parked[here][0], cookie

    def cut(self, node: Node) -> None:
        """End the watches on a directory and on all below it."""
        self._detach(node)
        stack = [node]
        while stack:
            gone = stack.pop()
            stack.extend(gone.children.values())
            gone.children = {}
            self._forget(gone)

    def expire(self, now_s: float) -> None:
        """Let go of directories that moved out and did not come back in time."""
        for node, (until_s, _) in list(self._parked.items()):
            if until_s <= now_s:
                self.cut(node)

    def next_expiry_s(self) -> float | None:
        """Return when to call `expire`."""
        return next((until_s for until_s, _ in self._parked.values()), None)

    def _list(self, node: Node, path: bytes, fd: int) -> None:
        # The watch is on already: what is created from now on is an event, what was
        # created before is in the listing. The other order loses what is in between.
        names = directories_in(fd).keys()
        for gone in node.children.keys() - names:
            self._park(node.children[gone])
        for name in names:
            here = below(path, name)
            if not self._left_out(node, name, here):
                self._meet(node, name, here, fd, deep=True)

    def _meet(
        self, node: Node, name: bytes, path: bytes, fd: int, *, deep: bool = False
    ) -> None:
        """Look at `name` in `node`, which is open as `fd`."""
        if path.count(b"/") >= MAX_DEPTH:
            self.trouble(node.watched, "too deep")
            return
        try:
            inner = _open_own(node, name, fd)
        except OSError as error:
            self._not_there(node, name, error)
            return
        try:
            child, is_new = self._claim(node, name, inner)
            if child is None:
                return
            if is_new and self._onlooker is not None:
                self._onlooker.met(child, path, inner)
            if is_new or deep:
                self._list(child, path, inner)
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise
            self._not_there(node, name, error)
        finally:
            os.close(inner)

    def _claim(self, node: Node, name: bytes, fd: int) -> tuple[Node | None, bool]:
        """Return the node of the directory that is open as `fd`, and if it is new."""
        watched, here = node.watched, node.children.get(name)
        if here is None and watched.watches >= self._max_watches:
            raise OSError(errno.EDQUOT, "the session has all the watches it may have")
        wd = self._kernel.watch(fd)
        known = self._nodes.get(wd)
        if known is not None and known is here:
            return known, False
        if here is not None:
            self._park(here)
        if known is not None:
            if known.parent is None and known not in self._parked:
                return None, False  # a session's root; if it moved here, events follow
            if known.is_above(node):
                return None, False  # it moved while we were on the way; the same
            if known.watched is watched:
                self._attach(known, node, name)
                if self._onlooker is not None:
                    self._onlooker.relocated(known)
                # Rules speak of paths: below the new one they may leave out others.
                self.suspects.add(watched)
                return known, False
            self.cut(known)
            wd = self._kernel.watch(fd)
        child = Node(name, None, watched, UNWATCHED_WD)
        self._attach(child, node, name)
        status = os.fstat(fd)
        is_same_device = status.st_dev == watched.directory.device
        self._enter(child, wd, status.st_ino if is_same_device else 0)
        return child, True

    def _not_there(self, node: Node, name: bytes, error: OSError) -> None:
        here = node.children.get(name)
        if error.errno in GONE:
            if here is not None:
                self._park(here)
            return
        if error.errno in EXHAUSTED:
            raise error
        self.trouble(node.watched, errno_name(error))

    def _left_out(self, node: Node, name: bytes, path: bytes) -> bool:
        """Return whether a rule leaves this directory out; if so, it has no watches."""
        if not node.watched.excludes(path, is_directory=True):
            return False
        here = node.children.get(name)
        if here is not None:
            self.cut(here)
        return True

    def _cut_moved(self, cookie: int) -> None:
        """End the watches of what was moved out by the rename of this cookie."""
        for node in [node for node, (_, its) in self._parked.items() if its == cookie]:
            self.cut(node)

    @contextmanager
    def _noting_trouble(self, watched: Watched) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in GONE:
                self.trouble(watched, errno_name(error))

    def _attach(self, node: Node, parent: Node, name: bytes) -> None:
        self._detach(node)
        node.parent, node.name = parent, name
        parent.children[name] = node

    def _detach(self, node: Node) -> None:
        self._parked.pop(node, None)
        parent = node.parent
        if parent is not None and parent.children.get(node.name) is node:
            del parent.children[node.name]
        node.parent = None

    def _park(self, node: Node) -> None:
        self._detach(node)
        self._parked[node] = self._monotonic_s() + self._park_s, 0

    def _enter(self, node: Node, wd: int, inode: int) -> None:
        node.wd, node.inode = wd, inode
        self._nodes[wd] = node
        node.watched.watches += 1
        self.placed += 1

    def _forget(self, node: Node) -> None:
        if self._nodes.get(node.wd) is node:
            del self._nodes[node.wd]
            node.watched.watches -= 1
            self._kernel.unwatch(node.wd)
        node.wd = UNWATCHED_WD
        if self._onlooker is not None:
            self._onlooker.forgotten(node)


def _open_own(node: Node, name: bytes, fd: int) -> int:
    """Open a directory in `node`, which is open as `fd`; a stranger's is none."""
    inner = open_directory(name, fd)
    if why := objection(os.fstat(inner), node.watched.directory):
        os.close(inner)
        raise FileNotFoundError(errno.ENOENT, why)
    return inner
