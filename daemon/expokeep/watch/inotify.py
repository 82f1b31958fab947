"""The only door of watchdog: one inotify instance, one thread that reads it.

Knows watch descriptors and names, not what they mean. Of watchdog it uses the lower
layer, `InotifyFD`: its descriptor, its thread, and how it ends. Its table of callbacks
stays empty: it takes -1 for a descriptor after EACCES, warns when a directory is
watched twice (which is how we ask "is this still the directory that I know?"), and
doubles the memory that a watch costs.
"""

import ctypes
import math
import os
import select
import struct
from collections.abc import Callable, Iterator
from typing import Protocol

from watchdog.observers.inotify_c import (
    InotifyConstants,
    InotifyFD,
    Mask,
    WatchDescriptor,
    inotify_add_watch,
    inotify_rm_watch,
)

from expokeep.errors import WatchUnavailable

IS_DIRECTORY = int(InotifyConstants.IN_ISDIR)
CREATED = int(InotifyConstants.IN_CREATE)
DELETED = int(InotifyConstants.IN_DELETE)
MODIFIED = int(InotifyConstants.IN_MODIFY)
CLOSED = int(InotifyConstants.IN_CLOSE_WRITE)
MOVED_OUT = int(InotifyConstants.IN_MOVED_FROM)
MOVED_IN = int(InotifyConstants.IN_MOVED_TO)
ATTRIBUTES = int(InotifyConstants.IN_ATTRIB)
SELF_GONE = int(InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF)
UNWATCHED = int(InotifyConstants.IN_IGNORED)
_OVERFLOW = int(InotifyConstants.IN_Q_OVERFLOW)

COOKIE_MASK = CREATED | MOVED_IN
ROOT_MASK = CREATED | DELETED | MOVED_OUT | MOVED_IN | SELF_GONE
"""A directory like /tmp is noisy: only names that come and go matter there."""

# Never OPEN or CLOSE_NOWRITE: our own reads must not wake us. MODIFY because a log that
# is kept open is otherwise never noticed. ONLYDIR and DONT_FOLLOW are not needed: a
# watch is placed through a descriptor that was opened O_DIRECTORY | O_NOFOLLOW.
SESSION_MASK = (
    ROOT_MASK | MODIFIED | CLOSED | ATTRIBUTES | int(InotifyConstants.IN_EXCL_UNLINK)
)

_HEADER = struct.Struct("iIII")
_READ_BYTES = 64 * 1024


class Listener(Protocol):
    """Whom a reader serves. All of it is called on the reader's thread."""

    def on_event(self, wd: int, mask: int, cookie: int, name: bytes) -> None:
        """One event, in the kernel's order; `cookie` joins the two of a rename."""

    def on_overflow(self) -> None:
        """The kernel dropped events here, nobody knows of what."""

    def on_error(self, error: Exception) -> None:
        """An event or a job ended in an exception. Must not raise."""

    def next_job(self) -> Callable[[], None] | None:
        """What is to be done before the next events are read. Must not raise."""

    def idle_s(self) -> float | None:
        """How long the reader may sleep if no event comes. Must not raise."""


class Reader(InotifyFD):
    """Reads one inotify instance and serves one listener until it is stopped.

    Raises:
        WatchUnavailable: the kernel gives us no instance.
    """

    _listener: Listener
    _ended: Callable[[], None]

    def __init__(self) -> None:
        try:
            super().__init__()
        except OSError as error:
            raise WatchUnavailable(f"no inotify instance: {error}") from error
        os.set_inheritable(self._inotify_fd, False)  # noqa: FBT003 - has no name
        self.name = "inotify"
        self._waiting = select.poll()
        self._waiting.register(self._inotify_fd, select.POLLIN)
        self._waiting.register(self._kill_r, select.POLLIN)
        self._woken = False

    def attend(self, listener: Listener, ended: Callable[[], None]) -> None:
        """Start to read. `ended` is called when the thread is over, for any reason."""
        self._listener, self._ended = listener, ended
        self.start()

    def watch(self, fd: int, mask: int = SESSION_MASK) -> int:
        """Watch an open directory; return the descriptor of the watch.

        The same directory always has the same one, wherever it was moved to. Goes
        through /proc, because the path may by now lead somewhere else.

        Raises:
            OSError: ENOSPC when the user has no watches left, EACCES, ENOMEM.
        """
        wd = inotify_add_watch(self._inotify_fd, b"/proc/self/fd/%d" % fd, Mask(mask))
        if wd < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return int(wd)

    def unwatch(self, wd: int) -> None:
        """End a watch, which may have ended by itself."""
        inotify_rm_watch(self._inotify_fd, WatchDescriptor(wd))

    def wake(self) -> None:
        """Make the reader ask for its next job, from any thread."""
        with self._lock:
            if not self._closed and not self._woken:
                self._woken = True
                os.write(self._kill_w, b"!")

    def on_thread_stop(self) -> None:
        """Wake the reader, which closes the instance itself.

        Closed from here, its number could be another file's before the reader is done.
        """
        self.wake()

    def discard(self) -> None:
        """Close the instance of a reader that does not run."""
        self._is_reading = False
        self.close()

    def run(self) -> None:
        """Read, tell, and work, until stopped."""
        try:
            while self.should_keep_running():
                self._tell(self._read_event_buffer(_READ_BYTES))
                self._work()
        finally:
            self.discard()
            self._ended()

    def _tell(self, buffer: bytes) -> None:
        for wd, mask, cookie, name in events(buffer):
            try:
                if mask & _OVERFLOW:
                    self._listener.on_overflow()
                else:
                    self._listener.on_event(wd, mask, cookie, name)
            # A reader must not die of one event: the listener doubts all instead.
            except Exception as error:  # noqa: BLE001 - see above
                self._listener.on_error(error)

    def _work(self) -> None:
        while self.should_keep_running() and (job := self._listener.next_job()):
            try:
                job()
            except Exception as error:  # noqa: BLE001 - as for an event
                self._listener.on_error(error)

    def _check_inotify_fd(self) -> bool:
        """Wait for events, for a wake-up, or until the listener has something to do."""
        idle_s = self._listener.idle_s()
        wait_ms = None if idle_s is None else math.ceil(max(idle_s, 0.0) * 1000)
        ready = {fd for fd, _ in self._waiting.poll(wait_ms)}
        if self._kill_r in ready:
            with self._lock:
                os.read(self._kill_r, 1)
                self._woken = False
        return self._inotify_fd in ready


def events(buffer: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    r"""Yield descriptor, mask, cookie and name of each `inotify_event` in `buffer`.

    >>> list(events(struct.pack("iIII4s", 7, 256, 0, 4, b"a")))
    [(7, 256, 0, b'a')]
    """
    offset = 0
    while offset < len(buffer):
        wd, mask, cookie, length = _HEADER.unpack_from(buffer, offset)
        offset += _HEADER.size
        # A name ends at its first NUL; the rest pads it.
        yield wd, mask, cookie, buffer[offset : offset + length].split(b"\0", 1)[0]
        offset += length
