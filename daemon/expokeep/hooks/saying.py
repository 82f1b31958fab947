"""Passes on what a command prints, so that it has no descriptor of ours in its hands.

With our stderr it would have what that leads to: it could read what is typed at a
terminal, with or without a session of its own, cut a log, or forge lines of a journal.
What it prints must not command a terminal, either.
"""

import contextlib
import os
import select
import sys
from typing import Self

from expokeep import clock, journal
from expokeep.model.names import for_terminal

_READ_BYTES = 64 * 1024
_LEFT_BYTES = 1024 * 1024
"""What may be in a pipe when a command has ended; who goes on writing is not heard."""
_LINE_BYTES = 8 * 1024
"""A line that is longer is passed on in parts."""


class Saying:
    """A pipe whose other end a command has for its output. A context manager."""

    def __init__(self) -> None:
        """Make the pipe; what is read from it goes to our stderr, line by line."""
        self._read_fd, self.end = os.pipe()
        os.set_blocking(self._read_fd, False)
        self._is_open_to_us = True
        self._line = b""

    def __enter__(self) -> Self:
        """Hold it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open of it."""
        self.handed_over()
        os.close(self._read_fd)

    def give_to(self, uid: int, gid: int) -> None:
        """Let a user open it as well, by `/dev/stderr`."""
        with contextlib.suppress(OSError):
            os.fchown(self.end, uid, gid)

    def handed_over(self) -> None:
        """Close the command's end here: the command has it."""
        if self._is_open_to_us:
            os.close(self.end)
            self._is_open_to_us = False

    def until_end(self, process_fd: int, timeout_s: float) -> bool:
        """Pass on what comes until a process ends; return whether it did in time."""
        until_s = clock.monotonic_s() + timeout_s
        poll = select.poll()
        poll.register(process_fd, select.POLLIN)
        poll.register(self._read_fd, select.POLLIN)
        while (left_s := until_s - clock.monotonic_s()) > 0:
            ready = {descriptor for descriptor, _ in poll.poll(left_s * 1000)}
            if process_fd in ready:
                return True
            if self._read_fd in ready and not self._pass_on():
                poll.unregister(self._read_fd)
        return False

    def rest(self) -> None:
        """Pass on what is left when a process has ended."""
        for _ in range(_LEFT_BYTES // _READ_BYTES):
            if not self._pass_on():
                break
        if self._line:
            _say([self._line])
            self._line = b""

    def _pass_on(self) -> bool:
        """Pass on what is there; return whether there was anything."""
        try:
            data = os.read(self._read_fd, _READ_BYTES)
        except BlockingIOError:
            return False
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > _LINE_BYTES:
            lines.append(self._line)
            self._line = b""
        _say(lines)
        return bool(data)


def _say(lines: list[bytes]) -> None:
    for line in lines:
        parts = map(for_terminal, line.rstrip(b"\r").split(b"\t"))
        shown = "\t".join(parts).replace("\\\\", "\\")
        sys.stderr.write(journal.for_stderr(shown, "info") + "\n")
    sys.stderr.flush()
