"""Proof that events were read: a file is renamed, and the event of it comes back.

One inotify instance is one ordered queue. Whoever sees their own rename come out of it
knows that everything before it was dealt with. A rename needs no inode and no block, so
it works on a full disk, where a new file would not.
"""

import os
import threading
from pathlib import Path

_PREFIX = "cookie-"


class Cookies:
    """A private directory with one file in it, whose name is a number that grows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._arrived = threading.Condition()
        self._sent = 0
        self._seen = 0

    def prepare(self) -> None:
        """Make the directory, with the file in it and nothing else.

        Raises:
            OSError: the directory cannot be made or written to.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        for left_over in self._directory.glob(f"{_PREFIX}*"):
            left_over.unlink()
        self._path(0).touch(mode=0o600)

    def open(self) -> int:
        """Return a descriptor of the directory, to place a watch through."""
        return os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def send(self) -> int:
        """Rename the file, and return the number that will be seen.

        Raises:
            OSError: the directory is gone, or read-only.
        """
        with self._lock:
            try:
                self._path(self._sent).rename(self._path(self._sent + 1))
            except FileNotFoundError:
                self._path(self._sent + 1).touch(mode=0o600)
            self._sent += 1
            return self._sent

    def saw(self, name: bytes) -> None:
        """Take note of an event in the directory."""
        number = name.removeprefix(_PREFIX.encode())
        if not number.isdigit():
            return
        with self._arrived:
            self._seen = max(self._seen, int(number))
            self._arrived.notify_all()

    def wait_for(self, number: int, timeout_s: float) -> bool:
        """Wait until a number, or a later one, was seen."""
        with self._arrived:
            return self._arrived.wait_for(lambda: self._seen >= number, timeout_s)

    def _path(self, number: int) -> Path:
        return self._directory / f"{_PREFIX}{number}"
