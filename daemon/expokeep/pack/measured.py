"""A file that is read once, hashed on the way, and must hold what it was said to."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from expokeep.errors import FileChanged
from expokeep.model.digest import Digest
from expokeep.model.names import for_terminal

_PIECE_BYTES = 1024 * 1024


class Measured:
    """The contents of one file. The first piece is read at once, to be judged by."""

    def __init__(self, path: bytes, source: BinaryIO, size_bytes: int) -> None:
        self._path = path
        self._source = source
        self._size_bytes = size_bytes
        self._hasher = hashlib.sha256()
        self.first = source.read(min(_PIECE_BYTES, size_bytes))

    @property
    def digest(self) -> Digest:
        """The digest of what was read."""
        return Digest(self._hasher.digest())

    def pieces(self) -> Iterator[bytes]:
        """Yield all contents, in pieces of at most 1 MiB.

        Raises:
            FileChanged: there is more, or less.
        """
        piece, left = self.first, self._size_bytes
        while piece:
            self._hasher.update(piece)
            yield piece
            left -= len(piece)
            piece = self._source.read(min(_PIECE_BYTES, left))
        if left or self._source.read(1):
            raise FileChanged(f"{for_terminal(self._path)} changed while it was read")
