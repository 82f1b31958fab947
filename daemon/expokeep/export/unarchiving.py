"""Reads archives of strangers: tar, tar.gz, tar.zst and zip.

Nothing is unfolded beyond what may come, no header is believed about sizes, and no
member of another kind than files, directories and links gets through.
"""

import calendar
import io
import math
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

from expokeep.errors import ExpokeepError
from expokeep.export.incoming import ImportRefused, Incoming
from expokeep.export.tar_headers import Described, Header
from expokeep.model.names import for_terminal
from expokeep.pack import zstd

_CHUNK_BYTES = 256 * 1024
_DIRECTORY_BYTES = 64 * 1024 * 1024
"""Of the list of members in a zip; each takes ten times as much in memory."""
_OVERHEAD_BYTES = 2 * 1024
"""Of a member in a tar: a header and what fills it up."""
_UNIX = 3
_IS_UTF8, _IS_ENCRYPTED = 0x800, 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_S_IN_NS = 1_000_000_000
_GZIP = b"\x1f\x8b"
_SKIPPED_BY_ZSTD = b"\x2a\x4d\x18"
"""What follows the first byte of a frame that holds nothing."""
_MAGIC_BYTES = 4
_MAX_MEMBERS = 100_000
"""Of one compressed file. Each costs time, even if there is nothing in it."""


def unarchived(archive: IO[bytes], incoming: Incoming) -> None:
    """Take all that is in an archive, which can seek.

    Raises:
        ImportRefused: it is no such archive, or one that does harm.
        QuotaExceeded: there is more in it than may come.
    """
    head = archive.read(4)
    archive.seek(0)
    try:
        if head == b"PK\x03\x04":
            _unzip(archive, incoming)
        else:
            _untar(archive, head, incoming)
    except ExpokeepError:
        raise
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        zstd.Damaged,
        EOFError,
        LookupError,
        UnicodeError,
        ValueError,
        OverflowError,
        RuntimeError,
    ) as error:
        raise ImportRefused(f"this archive cannot be read: {error}") from error


class _Unfolding(io.RawIOBase):
    """What is in a compressed file, up to a bound.

    Such a file may be several, one behind the other: then it holds what all of them do.
    """

    def __init__(
        self, archive: IO[bytes], begin: Callable[[], Any], at_most: int
    ) -> None:
        self._archive = archive
        self._begin = begin
        self._decompressor = begin()
        self._left = at_most
        self._ahead = b""
        self._members_left = _MAX_MEMBERS

    def readable(self) -> bool:
        return True

    def read(self, size_bytes: int = -1, /) -> bytes:
        """Return exactly so many bytes, or what is left."""
        found = bytearray()
        while len(found) < size_bytes:
            piece = self._piece(min(size_bytes - len(found), _CHUNK_BYTES))
            if not piece:
                break
            found += piece
        self._left -= len(found)
        if self._left < 0:
            raise ImportRefused("there is more in it than may come")
        return bytes(found)

    def _piece(self, at_most: int) -> bytes:
        while not self._decompressor.eof or self._goes_on():
            raw, self._ahead = self._ahead, b""
            if self._decompressor.needs_input and not raw:
                raw = self._archive.read(_CHUNK_BYTES)
                if not raw:
                    raise EOFError("it ends too early")
            piece: bytes = self._decompressor.decompress(raw, at_most)
            if piece:
                return piece
        return b""

    def _goes_on(self) -> bool:
        """Begin with what follows, if it is more of the same."""
        ahead: bytes = self._decompressor.unused_data
        if len(ahead) < _MAGIC_BYTES:
            ahead += self._archive.read(_CHUNK_BYTES)
        is_more = (
            ahead.startswith((_GZIP, zstd.MAGIC)) or ahead[1:4] == _SKIPPED_BY_ZSTD
        )
        if not is_more:
            return False
        self._members_left -= 1
        if not self._members_left:
            raise ImportRefused("it is compressed in more pieces than anybody needs")
        self._decompressor, self._ahead = self._begin(), ahead
        return True


class _Gzip:
    """zlib, in the words of the other decompressors."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    def decompress(self, raw: bytes, at_most: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + raw, at_most)


class _Guarded:
    """The file of a zip, which decides how much of it is asked for at once."""

    def __init__(self, archive: IO[bytes]) -> None:
        self._archive = archive
        self.tell, self.seekable = archive.tell, archive.seekable

    def read(self, size_bytes: int = -1) -> bytes:
        """Return so much, if that is bearable."""
        most = _DIRECTORY_BYTES + 1
        found = self._archive.read(min(size_bytes, most) if size_bytes >= 0 else most)
        if len(found) == most:
            raise ImportRefused("it lists more than anybody needs")
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go elsewhere, if there is such a place."""
        try:
            return self._archive.seek(offset, whence)
        except OSError as error:
            raise zipfile.BadZipFile("it names a place outside of itself") from error


def _untar(archive: IO[bytes], head: bytes, incoming: Incoming) -> None:
    bounds = incoming.bounds
    at_most = bounds.max_bytes + _OVERHEAD_BYTES * bounds.max_entries
    stream: Any = archive
    if head[:2] == _GZIP:
        stream = _Unfolding(archive, _Gzip, at_most)
    elif head == zstd.MAGIC:
        stream = _Unfolding(archive, zstd.decompressor, at_most)
    with Described.open(
        fileobj=stream,
        mode="r|",
        tarinfo=Header,
        encoding="utf-8",
        errors="surrogateescape",
    ) as tar:
        for member in tar:
            _take(tar, member, incoming)
            cast("Any", tar).members = []  # or it would hold on to all of them


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, incoming: Incoming) -> None:
    name, mtime_ns = _bytes(member.name), _ns(member.mtime)
    if member.issym():
        incoming.link(name, _bytes(member.linkname), mtime_ns)
    elif member.islnk():
        incoming.same(name, _bytes(member.linkname))
    elif member.isdir():
        incoming.directory(name, member.mode, mtime_ns)
    elif member.isreg() and not member.issparse():
        file = tar.extractfile(member)
        assert file is not None  # noqa: S101 - it is a regular file
        incoming.file(name, _chunks(file, member.size), member.mode, mtime_ns)
    else:
        raise ImportRefused(f"{for_terminal(name)} is no file, directory or link")


def _unzip(archive: IO[bytes], incoming: Incoming) -> None:
    with zipfile.ZipFile(cast("Any", _Guarded(archive))) as opened:
        for member in opened.infolist():
            _take_zipped(opened, member, incoming)


def _take_zipped(
    opened: zipfile.ZipFile, member: zipfile.ZipInfo, incoming: Incoming
) -> None:
    name, mode = _zip_name(member), member.external_attr >> 16
    kind = stat.S_IFMT(mode) if member.create_system == _UNIX else 0
    if member.flag_bits & _IS_ENCRYPTED:
        raise ImportRefused("it is encrypted")
    if member.is_dir():
        incoming.directory(name, mode & 0o777 or 0o755, 0)
        return
    if member.compress_type not in _METHODS:
        raise ImportRefused(f"{for_terminal(name)} is compressed in an unusual way")
    if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
        raise ImportRefused(f"{for_terminal(name)} is no file, directory or link")
    with opened.open(member) as file:
        if kind == stat.S_IFLNK:
            incoming.link(name, file.read(4097), 0)
            return
        mode = mode & 0o777 if kind else 0o644
        incoming.file(name, _chunks(file, None), mode, _zip_time(member))


def _zip_name(member: zipfile.ZipInfo) -> bytes:
    """Return a name as it stands in the zip, which is UTF-8 or of its maker's system.

    `zipfile` takes what is not said to be UTF-8 for the letters of DOS.
    """
    name = member.orig_filename
    if member.flag_bits & _IS_UTF8 or member.create_system != _UNIX:
        return name.encode()
    return name.encode("cp437")


def _zip_time(member: zipfile.ZipInfo) -> int:
    try:
        return calendar.timegm(member.date_time) * _S_IN_NS
    except (ValueError, OverflowError):
        return 0


def _chunks(file: IO[bytes], size_bytes: int | None) -> Iterator[bytes]:
    came_bytes = 0
    while chunk := file.read(_CHUNK_BYTES):
        came_bytes += len(chunk)
        yield chunk
    if size_bytes is not None and came_bytes != size_bytes:
        raise EOFError("it ends too early")


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _ns(mtime_s: float) -> int:
    return int(mtime_s * _S_IN_NS) if math.isfinite(mtime_s) else 0
