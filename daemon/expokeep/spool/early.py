"""What an early journal is made of: records, and how they lie in a file.

A record is checked by its length and a sum. What a kill left half-written at the end of
a file is no record, and hides none.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, Entry, File, Link

log = get(__name__)

FORMAT = 1
_MAGIC = b"xkE1"
_HEAD = struct.Struct("<4sIII")
"""Magic, length of the record, length of the contents, CRC-32 of both."""

FlatEntry = tuple[bytes, str, bytes, int, int, int]
"""Path, type, digest or target, size in bytes, mode, time of change in ns."""


@dataclass(frozen=True, slots=True)
class Life:
    """One life of a session's directory, as a version of it will have to tell."""

    session: SessionId
    path: bytes
    """Where it was; absolute."""
    device: int
    inode: int
    birth_ns: int
    uid: int
    gid: int
    mode: int


class Begun(msgspec.Struct, frozen=True, array_like=True, tag="begun"):
    """The first record of each file.

    `base` is the pack of the newest version when a snapshot began; of a carry, of the
    version that knows all that was before and is not in it. Empty if there is none.
    """

    format: int
    why: Literal["start", "snapshot", "carry"]
    base: bytes
    life: Life


class FileTaken(msgspec.Struct, frozen=True, array_like=True, tag="file"):
    """A file as it was when it was closed; its contents lie beside the record."""

    path: bytes
    mode: int
    mtime_ns: int
    gone_at_s: float | None = None
    """When it was first missed on disk, on the machine's clock that never jumps."""


class LinkTaken(msgspec.Struct, frozen=True, array_like=True, tag="link"):
    """A symbolic link."""

    path: bytes
    target: bytes
    gone_at_s: float | None = None


class Moved(msgspec.Struct, frozen=True, array_like=True, tag="moved"):
    """A file or a directory has another path, and all that is below it."""

    old: bytes
    new: bytes


class Scanned(msgspec.Struct, frozen=True, array_like=True, tag="scanned"):
    """A snapshot has looked. Nobody knows whether it saw what stands before this."""


class Believed(msgspec.Struct, frozen=True, array_like=True, tag="believed"):
    """A version recorded deletions that nobody had asked for."""

    pack: bytes
    at_s: float
    gone: tuple[FlatEntry, ...]


Record = Begun | FileTaken | LinkTaken | Moved | Scanned | Believed


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the contents of a record lie."""

    file: Path
    offset: int
    size_bytes: int

    def read(self) -> bytes:
        """Return them.

        Raises:
            OSError: they are not there any more.
        """
        with self.file.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.size_bytes)
        if len(data) != self.size_bytes:
            raise OSError(f"{self.file} is too short")
        return data


@dataclass(frozen=True, slots=True)
class Told:
    """A record as it is found again."""

    record: Record
    stored: Stored


@dataclass(frozen=True, slots=True)
class Reading:
    """What is in a journal, in order."""

    known: Sequence[Told]
    """The newest version has seen this; what it does not show was gone by then."""
    doubtful: Sequence[Told]
    """This happened while the newest version was looked for; it may have been seen."""
    fresh: Sequence[Told]
    """This is newer than the newest version."""


def reading_of(parts: Sequence[Sequence[Told]], newest: bytes) -> Reading:
    """Return what stands in the files of a journal, given the newest version."""
    heads = [_head_of(part) for part in parts]
    last = _last_sealed(heads, newest)
    known: list[Told] = []
    doubtful: list[Told] = []
    fresh: list[Told] = []
    for place, (head, part) in enumerate(zip(heads, parts, strict=True)):
        records = part[1:]
        if head is not None and head.why == "carry" and head.base == newest:
            doubtful.extend(records)
        elif last is None or place > last:
            fresh.extend(records)
        elif place < last:
            known.extend(records)
        else:
            cut = _scanned_at(records)
            doubtful.extend(records[:cut])
            fresh.extend(records[cut:])
    return Reading(known, doubtful, fresh)


def written(fd: int, file: Path, offset: int, record: Record, data: bytes) -> Stored:
    """Append a record to a file of `offset` bytes.

    Raises:
        OSError: perhaps some of it was written.
    """
    meta = msgspec.msgpack.encode(record)
    check = zlib.crc32(data, zlib.crc32(meta))
    head = _HEAD.pack(_MAGIC, len(meta), len(data), check)
    wanted = len(head) + len(meta) + len(data)
    if os.writev(fd, (head, meta, data)) != wanted:
        raise OSError(f"{file} did not take {wanted} bytes")
    return Stored(file, offset + len(head) + len(meta), len(data))


def records_in(file: Path) -> Iterator[Told]:
    """Yield the records of a file up to the first that is not whole.

    Raises:
        OSError: the file cannot be read.
    """
    offset = 0
    with file.open("rb") as source:
        size_bytes = os.fstat(source.fileno()).st_size
        while head := source.read(_HEAD.size):
            told = _told(file, source.read, head, offset)
            if told is None:
                lost = size_bytes - offset
                log.warning("early journal ends", file=str(file), lost_bytes=lost)
                return
            yield told
            offset = told.stored.offset + told.stored.size_bytes


def flat(path: bytes, entry: Entry) -> FlatEntry:
    """Return an entry as it stands in a record."""
    match entry:
        case File():
            size_bytes, mode = entry.size_bytes, entry.mode
            return (path, "f", entry.digest, size_bytes, mode, entry.mtime_ns)
        case Link():
            return (path, "l", entry.target, 0, 0, entry.mtime_ns)
        case Directory():
            return (path, "d", b"", 0, entry.mode, entry.mtime_ns)


def entry_of(flattened: FlatEntry) -> Entry:
    """Return the entry that `flat` made this of."""
    _, kind, name, size_bytes, mode, mtime_ns = flattened
    if kind == "f":
        return File(Digest(name), size_bytes, mode, mtime_ns)
    return Link(name, mtime_ns) if kind == "l" else Directory(mode, mtime_ns)


def _told(
    file: Path, read: Callable[[int], bytes], head: bytes, offset: int
) -> Told | None:
    """Return the record that begins with `head`, if it is whole."""
    if len(head) < _HEAD.size:
        return None
    magic, meta_length, length, check = _HEAD.unpack(head)
    if magic != _MAGIC:
        return None
    meta, data = read(meta_length), read(length)
    if zlib.crc32(data, zlib.crc32(meta)) != check or len(data) != length:
        return None
    try:
        record = msgspec.msgpack.decode(meta, type=Record)
    except (msgspec.MsgspecError, ValueError):
        return None
    return Told(record, Stored(file, offset + _HEAD.size + meta_length, length))


def _last_sealed(heads: Sequence[Begun | None], newest: bytes) -> int | None:
    """Return the place of the last snapshot's file of which a version came, if any.

    Each file of a snapshot names the version that was the newest when it began. If the
    next one names another, or another is the newest now, then that snapshot was sealed,
    and has seen all that is older than its file.
    """
    begun = [
        (place, head.base)
        for place, head in enumerate(heads)
        if head is not None and head.why == "snapshot"
    ]
    following = [base for _, base in begun[1:]] + [newest]
    sealed = [
        place
        for (place, base), after in zip(begun, following, strict=False)
        if after not in (b"", base)
    ]
    return sealed[-1] if sealed else None


def _scanned_at(records: Sequence[Told]) -> int:
    marks = (n for n, told in enumerate(records) if isinstance(told.record, Scanned))
    return next(marks, len(records))


def _head_of(part: Sequence[Told]) -> Begun | None:
    first = part[0].record if part else None
    return first if isinstance(first, Begun) else None
