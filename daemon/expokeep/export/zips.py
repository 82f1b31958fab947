"""Zip archives, written front to back: with links, modes, and names of any bytes."""

import stat
import struct
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator

from expokeep.model.digest import Digest
from expokeep.model.tree import Directory, Entry, File, Link

_UNIX = 3
_IS_UTF8 = 0x800
_DOS_DIRECTORY = 0x10
_FIRST_DOS_TIME, _LAST_DOS_TIME = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
_UNIX_TIME = 0x5455
_S_IN_NS = 1_000_000_000


def zipped(
    entries: Iterable[tuple[bytes, Entry]],
    contents: Callable[[Digest], Iterable[bytes]],
) -> Iterator[bytes]:
    """Yield a zip of these entries, in this order."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, entry in entries:
            member = _member(path, entry)
            if isinstance(entry, Directory):
                archive.mkdir(member)
                yield from sink.taken()
                continue
            with archive.open(member, "w") as into:
                for chunk in _bytes_of(entry, contents):
                    into.write(chunk)
                    yield from sink.taken()
    yield from sink.taken()


class _Sink:
    """Where the zip is written to: it holds what was not passed on yet."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, chunk: bytes) -> int:
        self._held.append(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        """Hold on to it all the same."""

    def close(self) -> None:
        """Go on being there."""

    def taken(self) -> Iterator[bytes]:
        held, self._held = self._held, []
        return iter(held)


class _Member(zipfile.ZipInfo):
    """An entry whose name is bytes."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the hook's name
        name = self.filename.encode("utf-8", "surrogateescape")
        is_utf8 = not name.isascii() and name.decode("utf-8", "ignore") == self.filename
        return name, self.flag_bits | (_IS_UTF8 if is_utf8 else 0)


def _member(path: bytes, entry: Entry) -> _Member:
    name = path.decode("utf-8", "surrogateescape")
    mtime_s = entry.mtime_ns // _S_IN_NS
    mode, flags = stat.S_IFLNK | 0o777, 0
    if isinstance(entry, File):
        mode = stat.S_IFREG | entry.mode
    elif isinstance(entry, Directory):
        name, mode, flags = f"{name}/", stat.S_IFDIR | entry.mode, _DOS_DIRECTORY
    member = _Member(name, _dos_time(mtime_s))
    member.create_system = _UNIX
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = mode << 16 | flags
    member.CRC = member.compress_size = 0  # of a directory nobody else says so
    member.file_size = entry.size_bytes if isinstance(entry, File) else 0
    if 0 <= mtime_s < 2**31:  # others read what is before 1970 as after 2100
        # A time of DOS is even and of no zone: whoever knows this one uses it.
        member.extra = struct.pack("<HHBl", _UNIX_TIME, 5, 1, mtime_s)
    return member


def _dos_time(mtime_s: int) -> tuple[int, int, int, int, int, int]:
    try:
        moment = time.gmtime(mtime_s)[:6]
    except (OverflowError, OSError, ValueError):
        moment = _FIRST_DOS_TIME
    return min(max(moment, _FIRST_DOS_TIME), _LAST_DOS_TIME)


def _bytes_of(
    entry: File | Link, contents: Callable[[Digest], Iterable[bytes]]
) -> Iterable[bytes]:
    if isinstance(entry, Link):
        return (entry.target,)
    return contents(entry.digest)
