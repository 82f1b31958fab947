"""Archives as pure functions: a tree and its contents in, bytes out.

The same version gives the same bytes on every machine: paths in the order of their
bytes, times as they were kept, nobody's user and group, no name of this host and no
clock. (Compressed, the bytes are also those of one release of zlib or zstd.) One
directory is at the top, so `tar --strip-components=1` gives the project.
"""

import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from expokeep.export.zips import zipped
from expokeep.model.digest import Digest
from expokeep.model.tree import Directory, Entry, File, Link, Tree
from expokeep.pack import zstd

Format = Literal["tar.gz", "tar.zst", "zip"]
FORMATS: tuple[Format, ...] = get_args(Format)

MEDIA_TYPES: dict[Format, str] = {
    "tar.gz": "application/gzip",
    "tar.zst": "application/zstd",
    "zip": "application/zip",
}

Contents = Callable[[Digest], Iterable[bytes]]
"""Yields contents, always cut in the same way."""

_GZIP_LEVEL = 6
_ZSTD_LEVEL = 10
_GZIP_HEADER = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
"""No name, no time, and no system that it was made on."""
_BLOCK_BYTES = 512
_RECORD_BYTES = 20 * _BLOCK_BYTES
_S_IN_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be in an archive."""

    name: str
    """Of the directory at the top."""
    tree: Tree
    mode: int
    mtime_ns: int
    """Both of the directory at the top."""


def archived(form: Format, subject: Subject, contents: Contents) -> Iterator[bytes]:
    """Yield an archive."""
    if form == "zip":
        return zipped(_entries(subject), contents)
    if form == "tar.zst":
        return _zstandard(tarred(subject, contents))
    return _gzipped(tarred(subject, contents))


def tarred(subject: Subject, contents: Contents) -> Iterator[bytes]:
    """Yield a tar in GNU's form: names of any bytes and length, files of any size."""
    written = 0
    for path, entry in _entries(subject):
        header = tar_header(path, entry)
        yield header
        written += len(header)
        if isinstance(entry, File):
            yield from contents(entry.digest)
            padding = bytes(-entry.size_bytes % _BLOCK_BYTES)
            yield padding
            written += entry.size_bytes + len(padding)
    end = 2 * _BLOCK_BYTES
    yield bytes(end + -(written + end) % _RECORD_BYTES)


def tar_header(path: bytes, entry: Entry) -> bytes:
    """Return what stands before the contents of an entry."""
    member = tarfile.TarInfo(path.decode("utf-8", "surrogateescape"))
    member.mtime = entry.mtime_ns // _S_IN_NS
    match entry:
        case File():
            member.size, member.mode = entry.size_bytes, entry.mode
        case Link():
            member.type, member.mode = tarfile.SYMTYPE, 0o777
            member.linkname = entry.target.decode("utf-8", "surrogateescape")
        case Directory():
            member.type, member.mode = tarfile.DIRTYPE, entry.mode
    return member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _entries(subject: Subject) -> Iterator[tuple[bytes, Entry]]:
    """Yield what is in an archive, by path, the directory at the top first."""
    top = subject.name.encode()
    yield top, Directory(subject.mode, subject.mtime_ns)
    for path in sorted(subject.tree):
        yield top + b"/" + path, subject.tree[path]


def _gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(_GZIP_LEVEL, wbits=-zlib.MAX_WBITS)
    checksum, size_bytes = 0, 0
    yield _GZIP_HEADER
    for chunk in chunks:
        checksum = zlib.crc32(chunk, checksum)
        size_bytes += len(chunk)
        yield compressor.compress(chunk)
    yield compressor.flush()
    yield struct.pack("<II", checksum, size_bytes & 0xFFFFFFFF)


def _zstandard(chunks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zstd.streaming(_ZSTD_LEVEL)
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()
