"""Reads packs, whoever wrote them: nothing is believed that is not proved.

Every byte of contents that leaves here has the SHA-256 that it was asked for by, and
nothing unfolds to more than was recorded.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from expokeep.errors import BlobMissing
from expokeep.model.digest import Digest, digest_of, shown
from expokeep.pack import member, zstd
from expokeep.pack.footer import FOOTER_BYTES, Footer, read_footer
from expokeep.pack.format import (
    MAX_FRAME_BYTES,
    MAX_MANIFEST_BYTES,
    BlobSpan,
    FrameSpan,
    Manifest,
    PackDamaged,
)
from expokeep.pack.manifest import MANIFEST_PATH, decode_manifest

_PIECE_BYTES = 1024 * 1024


def manifest_from_head(head: bytes) -> Manifest | None:
    """Return the manifest that the pack starts with; None if `head` is too short.

    For a rebuild, which reads the start of each pack and nothing else.

    Raises:
        PackDamaged: it is no manifest.
    """
    found = zstd.leading(head, MAX_MANIFEST_BYTES)
    if found is None:
        return None
    raw, length = found
    return decode_manifest(member.sole_contents(raw, MANIFEST_PATH), length)


def read_manifest(head: bytes, footer: Footer) -> Manifest:
    """Return the manifest; `head` is the pack at least up to `footer.data_offset`.

    Raises:
        PackDamaged: it is not the one that the footer was written for.
    """
    found = zstd.leading(head, MAX_MANIFEST_BYTES)
    if found is None or found[1] != footer.manifest_length:
        raise PackDamaged("the manifest is cut, or longer than the footer says")
    json = member.sole_contents(found[0], MANIFEST_PATH)
    if digest_of(json) != footer.manifest_digest:
        raise PackDamaged("the manifest is not the one that the footer names")
    manifest = decode_manifest(json, footer.data_offset)
    if sum(span.length for span in manifest.frames) != footer.data_length:
        raise PackDamaged("the frames do not fill the data")
    return manifest


def frame_contents(compressed: bytes | memoryview, raw_length: int) -> bytes:
    """Return what a frame holds, bounded by `raw_length` and its checksum verified.

    Raises:
        PackDamaged: it holds anything else, or more than belongs into memory at once:
            such a frame is read by `stream_blob`.
    """
    if raw_length > MAX_FRAME_BYTES:
        raise PackDamaged(f"a frame of {raw_length} bytes is not read in one piece")
    return zstd.decompressed(compressed, raw_length)


def blob_from_frame(raw: bytes | memoryview, span: BlobSpan) -> memoryview:
    """Return the contents at `span`, proved by their SHA-256.

    Raises:
        PackDamaged: other bytes are there.
    """
    contents = memoryview(raw)[span.offset : span.offset + span.size_bytes]
    if len(contents) != span.size_bytes or digest_of(contents) != span.digest:
        raise PackDamaged(f"{shown(span.digest)} is not where it should be")
    return contents


def stream_blob(chunks: Iterable[bytes], span: BlobSpan) -> Iterator[bytes]:
    """Yield the contents at `span` of the frame that `chunks` is, cut anywhere.

    At most 1 MiB is in memory. What was yielded is proved only when the iterator ends
    without an error: until then it must not count.

    Raises:
        PackDamaged: the frame is damaged, or other bytes are there.
    """
    hasher = hashlib.sha256()
    skip_bytes = span.offset
    for piece in zstd.unfolded(chunks, span.offset + span.size_bytes):
        skipped = min(skip_bytes, len(piece))
        skip_bytes -= skipped
        if skipped < len(piece):
            contents = piece[skipped:]
            hasher.update(contents)
            yield contents
    if hasher.digest() != span.digest:
        raise PackDamaged(f"{shown(span.digest)} is not where it should be")


class PackFile:
    """A whole pack on local disk, open for reading. A context manager.

    Raises:
        PackDamaged: on entering, if the frame of the file is no pack's.
    """

    manifest: Manifest

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[int, bytes] = (-1, b"")

    def __enter__(self) -> Self:
        self._file = self._path.open("rb")
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def holds(self, digest: Digest) -> bool:
        """Return whether these contents are in this pack."""
        return digest in self._spans

    def blob(self, digest: Digest) -> bytes:
        """Return contents that fit into memory.

        Raises:
            BlobMissing: they are not in this pack.
            PackDamaged: they are damaged, or too big: then `stream` has them.
        """
        span = self._span(digest)
        number, raw = self._last
        if number != span.frame:
            frame = self.manifest.frames[span.frame]
            compressed = self._read(frame.offset, frame.length)
            raw = frame_contents(compressed, frame.raw_length)
            # Contents are asked for in the order in which they lie, as a rule.
            self._last = (span.frame, raw)
        return bytes(blob_from_frame(raw, span))

    def stream(self, digest: Digest) -> Iterator[bytes]:
        """Yield contents of any size; they count once the iterator has ended.

        Raises:
            BlobMissing: they are not in this pack.
            PackDamaged: they are damaged.
        """
        span = self._span(digest)
        return stream_blob(self._chunks(self.manifest.frames[span.frame]), span)

    def _open(self) -> None:
        size_bytes = os.fstat(self._file.fileno()).st_size
        tail = self._read(max(0, size_bytes - FOOTER_BYTES), FOOTER_BYTES)
        footer = read_footer(tail)
        end_length = size_bytes - FOOTER_BYTES - footer.end_offset
        if not 0 < end_length <= len(member.END_OF_TAR):
            raise PackDamaged("the parts of the pack do not add up to its size")
        end = zstd.decompressed(
            self._read(footer.end_offset, end_length), len(member.END_OF_TAR)
        )
        if end != member.END_OF_TAR:
            raise PackDamaged("the tar in the pack does not end")
        self.manifest = read_manifest(self._read(0, footer.manifest_length), footer)
        self._spans = {span.digest: span for span in self.manifest.blobs}

    def _span(self, digest: Digest) -> BlobSpan:
        if digest not in self._spans:
            raise BlobMissing(shown(digest), str(self._path))
        return self._spans[digest]

    def _read(self, offset: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)

    def _chunks(self, frame: FrameSpan) -> Iterator[bytes]:
        offset, end = frame.offset, frame.offset + frame.length
        while chunk := self._read(offset, min(_PIECE_BYTES, end - offset)):
            yield chunk
            offset += len(chunk)
