"""An object of the bucket, read from front to back in few requests, each byte once."""

from collections.abc import Iterator
from typing import Protocol

from expokeep.pack.format import PackDamaged

WINDOW_BYTES = 8 * 1024 * 1024
"""Held in memory at a time. An object of this size or less is one request."""
TAIL_BYTES = 4096
"""Of a larger object the end is fetched first: there is what tells of the rest."""


class Gets(Protocol):
    """Hands out parts of objects, as a store does."""

    def get(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes of an object, from byte `start` on."""
        ...


class ObjectReader:
    """Reads one object. Not to be shared between threads."""

    def __init__(self, store: Gets, key: str, size_bytes: int) -> None:
        self._store = store
        self._key = key
        self.size_bytes = size_bytes
        self.read_bytes = 0
        """Fetched so far."""
        self._held = b""
        self._start = 0
        self._tail = b""

    def open(self) -> None:
        """Fetch the whole of a small object, or the end of a large one.

        Who does not call it gets what is asked for, and nothing ahead of it.

        Raises:
            ObjectMissing: there is no such object.
            IntegrityError: it is shorter than we were told.
        """
        if self.size_bytes <= WINDOW_BYTES:
            self._held = self._get(0, self.size_bytes)
        else:
            self._tail = self._get(self.size_bytes - TAIL_BYTES, TAIL_BYTES)

    def read(self, offset: int, length: int) -> bytes:
        """Return a part of the object; parts are asked for in the order they lie.

        Raises:
            PackDamaged: the object ends before.
        """
        end = offset + length
        if offset < 0 or length < 0 or end > self.size_bytes:
            raise PackDamaged(f"the object ends before byte {end}")
        tail_at = self.size_bytes - len(self._tail)
        if offset >= tail_at:
            return self._tail[offset - tail_at : end - tail_at]
        if not self._holds(offset, end):
            self._move(offset, end)
        return self._held[offset - self._start : end - self._start]

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield a part of the object in pieces, however long it is."""
        end = offset + length
        while offset < end:
            piece = self.read(offset, min(WINDOW_BYTES // 8, end - offset))
            yield piece
            offset += len(piece)

    def _holds(self, offset: int, end: int) -> bool:
        return self._start <= offset and end <= self._start + len(self._held)

    def _move(self, offset: int, end: int) -> None:
        """Let the window begin at `offset`; what it has of that already stays."""
        rest = b""
        if self._start <= offset < self._start + len(self._held):
            rest = self._held[offset - self._start :]
        first = offset + len(rest)
        ahead = WINDOW_BYTES if self._tail else 0
        last = max(end, min(first + ahead, self.size_bytes - len(self._tail)))
        self._held = rest + self._get(first, last - first)
        self._start = offset

    def _get(self, start: int, length: int) -> bytes:
        if not length:
            return b""
        found = self._store.get(self._key, start, length)
        self.read_bytes += len(found)
        return found
