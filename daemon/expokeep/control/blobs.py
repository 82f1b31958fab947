"""The stream of blobs: contents of many files in one answer, in any order.

Per blob 32 bytes of SHA-256, 8 bytes of size (big-endian) and the contents; at the end
32 zero bytes and the size 0. Nothing is proved here: whoever writes the contents to a
disk checks their digest.
"""

import struct
from collections.abc import Generator, Iterable, Iterator

from expokeep.errors import IntegrityError
from expokeep.model.digest import Digest, shown

_HEADER = struct.Struct(">32sQ")
_END = bytes(_HEADER.size)
_PART_BYTES = 1 << 20
_LARGE_BYTES = 256 * 1024
"""Chunks of this size travel as they are; smaller ones are gathered, since each step
of an answer costs about as much as copying this."""

Chunk = bytes | memoryview
Blob = tuple[Digest, int, Iterable[Chunk]]


def encoded(blobs: Iterable[Blob]) -> Generator[Chunk, None, None]:
    """Yield the stream of these blobs, in parts of about 1 MiB, with its end.

    Raises:
        IntegrityError: contents are longer or shorter than their size.
    """
    gathered = bytearray()
    for digest, size_bytes, chunks in blobs:
        gathered += _HEADER.pack(digest, size_bytes)
        left = size_bytes
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                break
            if len(chunk) < _LARGE_BYTES:
                gathered += chunk
            if len(gathered) >= _PART_BYTES or len(chunk) >= _LARGE_BYTES:
                yield from _taken(gathered)
            if len(chunk) >= _LARGE_BYTES:
                yield chunk
        if left:
            raise IntegrityError(f"contents of {shown(digest)} have another size")
    yield bytes(gathered + _END)


def _taken(gathered: bytearray) -> Iterator[bytes]:
    if gathered:
        yield bytes(gathered)
        gathered.clear()


def decoded(
    stream: Iterable[Chunk],
) -> Generator[tuple[Digest, int, Iterator[memoryview]], None, None]:
    """Yield the blobs of a stream, each to be read before the next one.

    What is not read of one is skipped. Chunks are views of what came: no copies.

    Raises:
        IntegrityError: the stream ends before its end, or goes on after it.
    """
    source = _Source(iter(stream))
    while (header := source.exactly(_HEADER.size)) != _END:
        raw, size_bytes = _HEADER.unpack(header)
        end = source.position + size_bytes
        yield Digest(raw), size_bytes, source.up_to(size_bytes)
        for _ in source.up_to(end - source.position):
            pass
    if source.more():
        raise IntegrityError("a stream of blobs goes on after its end")


class _Source:
    """Chunks as they came, cut anew."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.position = 0
        """How many bytes were handed out."""

    def more(self) -> bool:
        """Return whether there is another byte; wait for it."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._rest = memoryview(chunk)
        return True

    def up_to(self, size_bytes: int) -> Iterator[memoryview]:
        """Yield the next bytes, exactly so many."""
        left = size_bytes
        while left:
            if not self.more():
                raise IntegrityError("a stream of blobs was cut short")
            taken, self._rest = self._rest[:left], self._rest[left:]
            left -= len(taken)
            self.position += len(taken)
            yield taken

    def exactly(self, size_bytes: int) -> bytes:
        """Return the next bytes in one piece."""
        return b"".join(self.up_to(size_bytes))
