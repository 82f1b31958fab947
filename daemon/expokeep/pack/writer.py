"""Makes packs: groups contents into frames, and writes the file in one pass.

The manifest stands first and is known last. So the frames wait in memory, from 16 MiB
on in a file without a name, and a pack has its own name only once it is whole.
"""

import hashlib
import itertools
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self

from expokeep.model.digest import Digest, digest_of
from expokeep.model.names import is_safe_path
from expokeep.model.tree import File
from expokeep.pack import member, zstd
from expokeep.pack.compressibility import is_packed_already
from expokeep.pack.footer import Footer, encode_footer
from expokeep.pack.format import (
    BIG_FILE_BYTES,
    FRAME_BYTES,
    OWN_FRAME_BYTES,
    Manifest,
)
from expokeep.pack.frames import DataFrames, Placed
from expokeep.pack.manifest import MANIFEST_PATH, encode_manifest
from expokeep.pack.measured import Measured

UNFINISHED = ".part"
"""What the name of a pack ends in until it is whole. A killed writer may leave one."""

_IN_MEMORY_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_LEVEL_OF_PACKED = 1
_ONLY_OWNER = 0o600


@dataclass(frozen=True, slots=True)
class FinishedPack:
    """A whole pack on local disk."""

    path: Path
    size_bytes: int
    sha256: bytes
    """Of the whole file, for the store to check the upload by."""
    manifest: Manifest


class PackWriter:
    """Writes one pack into `directory`, as `<uuid>.tar.zst`.

    A context manager: what is not finished inside leaves nothing behind. `add` takes
    contents in the order in which they are to lie; files that are read together belong
    together. All calls come from one thread; `executor` may compress on others.

    Any call may raise OSError: there is no room on the disk.
    """

    def __init__(
        self,
        directory: Path,
        zstd_level: int,
        *,
        frame_bytes: int = FRAME_BYTES,
        executor: Executor | None = None,
    ) -> None:
        self._directory = directory
        self._level = zstd_level
        self._level_of_packed = min(zstd_level, _LEVEL_OF_PACKED)
        self._frame_bytes = frame_bytes
        self._executor = executor
        self._resources = ExitStack()
        self._filling: list[bytes] = []
        self._filled_bytes = 0
        self._placed: list[Placed] = []
        self._held: set[Digest] = set()

    def __enter__(self) -> Self:
        data = tempfile.SpooledTemporaryFile(
            max_size=_IN_MEMORY_BYTES, dir=os.fspath(self._directory)
        )
        self._data: IO[bytes] = self._resources.enter_context(data)
        self._frames = DataFrames(self._data, self._executor)
        self._resources.callback(self._frames.cancel)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._resources.close()

    def holds(self, digest: Digest) -> bool:
        """Return whether these contents are in the pack already."""
        return digest in self._held

    def add(self, path: bytes, entry: File, contents: bytes) -> None:
        """Add the contents of a file, unless the pack holds them already.

        `entry.digest` is believed: it was computed when the file was read.

        Raises:
            ValueError: the contents are not of the size of `entry`, or so big that
                they have to come as a stream.
        """
        if len(contents) != entry.size_bytes or len(contents) >= BIG_FILE_BYTES:
            raise ValueError(
                f"{len(contents)} bytes for {path!r}, of {entry.size_bytes}"
            )
        if entry.digest in self._held:
            return
        header = _header(path, entry.size_bytes, entry.mode, entry.mtime_ns)
        self._held.add(entry.digest)
        pieces = [header, contents, member.padding(len(contents))]
        packed = is_packed_already(path, contents)
        if packed or len(contents) >= OWN_FRAME_BYTES:
            level = self._level_of_packed if packed else self._level
            placed = Placed(entry.digest, len(header), len(contents))
            self._frames.append(b"".join(pieces), (placed,), level)
            return
        self._fill(entry.digest, pieces)

    def add_stream(
        self,
        path: bytes,
        source: BinaryIO,
        size_bytes: int,
        *,
        mode: int,
        mtime_ns: int,
    ) -> Digest:
        """Add the contents of a file of any size, read once; return their digest.

        Raises:
            FileChanged: `source` holds more or less than `size_bytes`. The pack is as
                it was before; the file may be added again.
        """
        header = _header(path, size_bytes, mode, mtime_ns)
        padding = member.padding(size_bytes)
        contents = Measured(path, source, size_bytes)
        packed = is_packed_already(path, contents.first)
        raw_length = len(header) + size_bytes + len(padding)
        self._frames.append_pieces(
            itertools.chain((header,), contents.pieces(), (padding,)),
            raw_length,
            self._level_of_packed if packed else self._level,
        )
        digest = contents.digest
        if digest in self._held:
            self._frames.drop()
        else:
            self._held.add(digest)
            self._frames.keep(raw_length, Placed(digest, len(header), size_bytes))
        return digest

    def finish(self, manifest: Manifest, *, fsync: bool) -> FinishedPack:
        """Write the pack; `manifest` comes without frames and blobs, and gets them.

        With `fsync` the pack survives a loss of power from the moment this returns.

        Raises:
            ManifestTooLarge: the versions of the pack name too many files.
        """
        self._flush()
        self._frames.land()
        frames = tuple(self._frames.frames)
        manifest = replace(manifest, frames=frames, blobs=tuple(self._frames.blobs))
        json = encode_manifest(manifest)
        head = self._manifest_frame(json, manifest)
        moved = tuple(
            replace(frame, offset=frame.offset + len(head)) for frame in frames
        )
        footer = Footer(len(head), self._data.tell(), digest_of(json))
        path = self._directory / f"{manifest.pack}.tar.zst"
        size_bytes, sha256 = self._write(path, head, footer, fsync=fsync)
        return FinishedPack(path, size_bytes, sha256, replace(manifest, frames=moved))

    def _fill(self, digest: Digest, pieces: list[bytes]) -> None:
        added_bytes = sum(map(len, pieces))
        if self._filled_bytes + added_bytes > self._frame_bytes:
            self._flush()
        offset = self._filled_bytes + len(pieces[0])
        self._placed.append(Placed(digest, offset, len(pieces[1])))
        self._filling += pieces
        self._filled_bytes += added_bytes

    def _flush(self) -> None:
        if self._filling:
            raw = b"".join(self._filling)
            self._frames.append(raw, tuple(self._placed), self._level)
        self._filling, self._filled_bytes, self._placed = [], 0, []

    def _manifest_frame(self, json: bytes, manifest: Manifest) -> bytes:
        made_ns = int(manifest.created.timestamp()) * 1_000_000_000
        header = member.header(MANIFEST_PATH, len(json), mode=0o644, mtime_ns=made_ns)
        raw = b"".join((header, json, member.padding(len(json))))
        return zstd.compressed(raw, self._level)

    def _write(
        self, path: Path, head: bytes, footer: Footer, *, fsync: bool
    ) -> tuple[int, bytes]:
        unfinished = path.with_name(path.name + UNFINISHED)
        descriptor = os.open(
            unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _ONLY_OWNER
        )
        try:
            hasher = hashlib.sha256()
            with os.fdopen(descriptor, "wb") as file:
                for piece in self._parts(head, footer):
                    hasher.update(piece)
                    file.write(piece)
                size_bytes = file.tell()
                file.flush()
                if fsync:
                    os.fsync(file.fileno())
            unfinished.rename(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        if fsync:
            _fsync_directory(self._directory)
        return size_bytes, hasher.digest()

    def _parts(self, head: bytes, footer: Footer) -> Iterator[bytes]:
        yield head
        self._data.seek(0)
        while piece := self._data.read(_PIECE_BYTES):
            yield piece
        yield zstd.compressed(member.END_OF_TAR, self._level)
        yield encode_footer(footer)


def _header(path: bytes, size_bytes: int, mode: int, mtime_ns: int) -> bytes:
    if not is_safe_path(path):
        raise ValueError(f"unsafe path {path!r}")
    return member.header(path, size_bytes, mode=mode, mtime_ns=mtime_ns)


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
