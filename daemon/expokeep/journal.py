"""What systemd's journal wants of a line on stderr: its priority, in front of it.

It knows whether stderr is the journal, and nothing of what is said there.
"""

import contextlib
import os
import socket
from collections.abc import Mapping

PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Those of syslog, by the names of our levels."""

STDERR = 2
_LINE_BYTES = 40_000
"""Of a line at most. The journal cuts at 48 KiB, and would take the rest for a line of
its own, whose priority is then said by whoever said the value in it."""
_STREAM = "/run/systemd/journal/stdout"


def is_journal(environ: Mapping[str, str], fd: int = STDERR) -> bool:
    """Return whether what is written to a descriptor goes straight to the journal.

    systemd says so; somebody may have led stderr elsewhere since.
    """
    try:
        device, inode = map(int, environ.get("JOURNAL_STREAM", "").split(":"))
        found = os.fstat(fd)
    except (OSError, ValueError):
        return False
    return (found.st_dev, found.st_ino) == (device, inode)


def prefixed(text: str, level: str) -> str:
    """Return text with the priority in front of each of its lines.

    >>> prefixed("request failed\\n  Traceback", "error")
    '<3>request failed\\n<3>  Traceback'
    """
    mark = f"<{PRIORITIES.get(level, 6)}>"
    return "\n".join(mark + _cut(line) for line in text.split("\n"))


def _cut(line: str) -> str:
    raw = line.encode(errors="backslashreplace")  # as stderr writes it
    if len(raw) <= _LINE_BYTES:
        return line
    return raw[:_LINE_BYTES].decode(errors="ignore")


def for_stderr(text: str, level: str) -> str:
    """Return text as it has to be written to stderr, wherever that leads."""
    return prefixed(text, level) if is_journal(os.environ) else text


def stream(level: str) -> socket.socket | None:
    """Return a way into the journal all of whose lines have one priority.

    For what is written by others, who put nothing in front of a line. None if there is
    no such way.
    """
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.ExitStack() as undoing:
        undoing.callback(opened.close)
        # Who it is, of which unit (the journal knows), priority, whether lines have
        # one of their own, and three places that it need not go to as well.
        head = f"expokeepd\n\n{PRIORITIES[level]}\n0\n0\n0\n0\n"
        try:
            opened.connect(_STREAM)
            opened.shutdown(socket.SHUT_RD)
            opened.sendall(head.encode())
        except OSError:
            return None
        undoing.pop_all()
    return opened
