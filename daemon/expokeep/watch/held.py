"""Directories that are held open for a moment, so that files are opened through them.

Wherever a directory was moved to, its descriptor leads to the one that an event is of.
"""

import errno
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from expokeep.watch.opening import open_directory
from expokeep.watch.watched import Node

_MOST = 128
_HELD_S = 1.0
"""A directory that is held open cannot be unmounted, so not for long."""


class Kernel(Protocol):
    """Who tells whether this is still the directory that a watch is on."""

    def watch(self, fd: int) -> int:
        """Watch an open directory; the same one always has the same descriptor."""


class HeldDirectories:
    """Not for several threads."""

    def __init__(
        self,
        kernel: Kernel,
        plan: Callable[[float, Callable[[], None]], None],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._kernel = kernel
        self._plan = plan
        self._monotonic_s = monotonic_s
        self._held: OrderedDict[Node, int] = OrderedDict()

    def opened(self, node: Node) -> int:
        """Return a descriptor of the very directory that a node stands for.

        Raises:
            OSError: it is not to be found where it should be.
        """
        fd = self._held.get(node)
        if fd is None:
            fd = self._reached(node)
            self.hold(node, fd)
        else:
            self._held.move_to_end(node)
        return fd

    def hold(self, node: Node, fd: int) -> None:
        """Take over a descriptor, for about a second."""
        if not self._held:
            self._plan(self._monotonic_s() + _HELD_S, self.rest)
        self.let_go(node)
        self._held[node] = fd
        while len(self._held) > _MOST:
            _, oldest = self._held.popitem(last=False)
            os.close(oldest)

    def let_go(self, node: Node) -> None:
        """Close what is open of a directory."""
        fd = self._held.pop(node, None)
        if fd is not None:
            os.close(fd)

    def rest(self) -> None:
        """Let go of all directories."""
        while self._held:
            _, fd = self._held.popitem()
            os.close(fd)

    def _reached(self, node: Node) -> int:
        watched = node.watched
        fd = open_directory(watched.directory.path)
        try:
            # Another directory may have this name by now, and even the same inode
            # number. A watch knows better.
            if self._kernel.watch(fd) != watched.root.wd:
                raise FileNotFoundError(errno.ENOENT, "another directory is there")
            for name in node.place()[1]:
                above, fd = fd, open_directory(name, fd)
                os.close(above)
            status = os.fstat(fd)
            is_same_device = status.st_dev == watched.directory.device
            if status.st_ino != node.inode or not is_same_device:
                raise FileNotFoundError(errno.ENOENT, "another directory is there")
        except OSError:
            os.close(fd)
            raise
        return fd
