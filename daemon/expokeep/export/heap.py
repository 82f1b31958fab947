"""Contents of a whole version, side by side in one file without a name.

They come in any order and are wanted in that of the paths; and nothing is written for
others before all of it is there and proved. The file is gone with its descriptor.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from expokeep.errors import IntegrityError
from expokeep.model.digest import Digest, shown

Chunk = bytes | memoryview
Blob = tuple[Digest, int, Iterable[Chunk]]

_CHUNK_BYTES = 256 * 1024
"""The same for all that is read, however it came: compressors may not see how."""


class Heap:
    """Holds contents by their digests. For one thread."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: dict[Digest, tuple[int, int]] = {}

    def __contains__(self, digest: object) -> bool:
        return digest in self._places

    def take(self, blobs: Iterable[Blob]) -> Iterator[int]:
        """Hold contents, yielding the size of each when it is there and proved.

        Raises:
            IntegrityError: these are not the bytes that their digest names.
        """
        for digest, size_bytes, chunks in blobs:
            hasher, start = hashlib.sha256(), self._file.seek(0, os.SEEK_END)
            for chunk in chunks:
                hasher.update(chunk)
                self._file.write(chunk)
            if hasher.digest() != digest or self._file.tell() - start != size_bytes:
                raise IntegrityError(f"other bytes than {shown(digest)} came back")
            self._places[digest] = start, size_bytes
            yield size_bytes

    def add(self, chunks: Iterable[bytes]) -> tuple[Digest, int]:
        """Hold contents that nobody has named yet; return their digest and size."""
        hasher, start = hashlib.sha256(), self._file.seek(0, os.SEEK_END)
        for chunk in chunks:
            hasher.update(chunk)
            self._file.write(chunk)
        digest, size_bytes = Digest(hasher.digest()), self._file.tell() - start
        if digest in self._places:
            self._file.truncate(start)
        else:
            self._places[digest] = start, size_bytes
        return digest, size_bytes

    def read(self, digest: Digest) -> Iterator[bytes]:
        """Yield contents in chunks of one size.

        Raises:
            KeyError: they are not here.
        """
        place, left = self._places[digest]
        while left:
            self._file.seek(place)
            chunk = self._file.read(min(left, _CHUNK_BYTES))
            place, left = place + len(chunk), left - len(chunk)
            yield chunk


@contextlib.contextmanager
def heap(directory: Path | None = None) -> Iterator[Heap]:
    """Hold an empty heap, on the disk of `directory` or where temporary files are.

    Raises:
        OSError: there is no way to write there.
    """
    with tempfile.TemporaryFile(dir=directory) as file:
        yield Heap(file)
