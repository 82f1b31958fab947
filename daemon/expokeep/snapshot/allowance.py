"""How much may be taken early, and how much was: limits and counts of a process."""

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from expokeep import clock
from expokeep.errors import NoSpace
from expokeep.log import get
from expokeep.model.names import for_terminal
from expokeep.watch.values import SessionDirectory

log = get(__name__)

_REMEMBERED = 1000
"""Of this many contents we know how long they took."""
_LOG_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too much."""

    copy_bytes: int
    """A larger file stays open instead of being copied."""
    pinned: int
    """Files that are held open."""
    total_bytes: int
    """Copies on disk, of all sessions together."""
    max_file_bytes: int
    grace_s: float
    """How long a deletion is held back."""


@dataclass(frozen=True, slots=True)
class Count:
    """How it goes."""

    captured: int
    dropped: int
    pinned: int
    size_bytes: int
    lag_s: float
    """From the event to the copy: the slowest but for one in a hundred."""


class Allowance:
    """Keeps the books. Safe from any thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.hasten: Callable[[SessionDirectory], None] = lambda _: None
        """Has a snapshot taken soon, which makes room."""
        self._lock = threading.Lock()
        self._captured = 0
        self._dropped = 0
        self._pinned = 0
        self._size_bytes = 0
        self._lags_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._logged_s = float("-inf")

    @property
    def pinned(self) -> int:
        """How many files are open."""
        return self._pinned

    @property
    def is_tight(self) -> bool:
        """Whether more files are open than should be."""
        return self._pinned > self.limits.pinned

    @property
    def is_full(self) -> bool:
        """Whether no further file may be held open, not even for a moment."""
        return self._pinned >= 2 * self.limits.pinned

    def opened(self) -> None:
        """Count a file that is open now."""
        with self._lock:
            self._pinned += 1

    def close(self, fd: int) -> None:
        """Close a file."""
        os.close(fd)
        with self._lock:
            self._pinned -= 1

    def has(self, size_bytes: int) -> bool:
        """Return whether so much more may be copied."""
        return self._size_bytes + size_bytes <= self.limits.total_bytes

    def demand(self, size_bytes: int) -> None:
        """Require room for so much more.

        Raises:
            NoSpace: it may not be copied.
        """
        if not self.has(size_bytes):
            raise NoSpace("as much as may be is taken early already")

    def resize(self, by_bytes: int) -> None:
        """Count what the copies take on disk."""
        with self._lock:
            self._size_bytes += by_bytes

    def took(self, since_s: float) -> None:
        """Count contents that are safe, whose event came at `since_s`."""
        with self._lock:
            self._captured += 1
            self._lags_s.append(clock.monotonic_s() - since_s)

    def drop(self, directory: SessionDirectory, path: bytes, why: str) -> None:
        """Count contents that were not taken because there was too much."""
        now_s = clock.monotonic_s()
        with self._lock:
            self._dropped += 1
            dropped = self._dropped
            is_news = now_s >= self._logged_s + _LOG_EVERY_S
            if is_news:
                self._logged_s = now_s
        if is_news:
            log.warning(
                "content not taken early, left to the next snapshot",
                session=directory.session,
                path=for_terminal(path),
                why=why,
                dropped=dropped,
            )

    def count(self) -> Count:
        """Return how it goes."""
        with self._lock:
            lags_s = sorted(self._lags_s)
            return Count(
                captured=self._captured,
                dropped=self._dropped,
                pinned=self._pinned,
                size_bytes=self._size_bytes,
                lag_s=lags_s[len(lags_s) * 99 // 100] if lags_s else 0.0,
            )
