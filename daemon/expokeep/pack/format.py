"""What a pack is, as values: its manifest, its frames, its footer, its key.

Values that could not be in a pack cannot be made: the same checks guard what we write
and what we read from a bucket that others may have written to.
"""

import datetime
import re
import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from expokeep.errors import ExpokeepError, IntegrityError
from expokeep.model.digest import SIZE_BYTES, Digest
from expokeep.model.names import (
    MAX_PATH_BYTES,
    SessionId,
    is_safe_path,
    parse_session_id,
)
from expokeep.model.tree import PERMISSIONS, Delta, Entry, File, Link

VERSION = 1

FRAME_BYTES = 512 * 1024
"""Small files share a frame until it holds this much; in a merge it is twice that."""
OWN_FRAME_BYTES = 128 * 1024
"""A file of this size or more has a frame of its own."""
BIG_FILE_BYTES = 8 * 1024 * 1024
"""A file of this size or more has a pack of its own, and is never whole in memory."""
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""No frame that holds more is unfolded in one piece."""
MAX_MANIFEST_BYTES = 128 * 1024 * 1024
"""Room for 400,000 files. What claims to be larger is not read."""
MAX_ENTRIES = 1_000_000
"""Of each list in a manifest: more fit into its bytes only if they say nothing."""
MAX_VALUES = 8_000_000
"""Of a manifest, as its commas count them: each takes some 50 bytes of memory."""
MAX_HEADER_BYTES = 64 * 1024
"""More than any header of a tar member, with what fills up the member's end."""
MAX_SIZE = 2**63 - 1

Kind = Literal["base", "incr", "merge", "big"]

_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class PackDamaged(IntegrityError):
    """The bytes are no pack, or no longer the pack that was written."""


class ManifestTooLarge(ExpokeepError):
    """A snapshot names more than a manifest can hold."""

    hint = "Exclude what can be made again, such as installed packages."


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """Where a compressed frame is in its pack, and how much it holds."""

    offset: int
    """From the start of the pack."""
    length: int
    """Compressed, in bytes."""
    raw_length: int

    def __post_init__(self) -> None:
        if self.offset < 0 or self.length <= 0:
            raise ValueError(f"no frame is at {self.offset}, {self.length} bytes long")
        if self.raw_length < 512 or self.raw_length % 512:
            raise ValueError(f"no tar members fill {self.raw_length} bytes")
        if self.length > self.raw_length + self.raw_length // 64 + 4096:
            raise ValueError(f"no frame of {self.raw_length} bytes takes {self.length}")


@dataclass(frozen=True, slots=True)
class BlobSpan:
    """Where the contents of one file are."""

    digest: Digest
    frame: int
    """Which frame of the pack, from 0."""
    offset: int
    """From the start of what the frame holds."""
    size_bytes: int

    def __post_init__(self) -> None:
        if len(self.digest) != SIZE_BYTES or self.frame < 0:
            raise ValueError(f"blob {self.digest.hex()} in frame {self.frame}")
        if self.offset < 512 or self.offset % 512 or self.size_bytes < 0:
            raise ValueError(f"no contents are at {self.offset} of a frame")


@dataclass(frozen=True, slots=True)
class SnapRecord:
    """One version, as the pack that was made for it tells it."""

    seq: int
    """Provisional: what the catalog recorded counts."""
    parent: int | None
    at: datetime.datetime
    """In UTC, to the microsecond."""
    full: bool
    """Whether `delta` starts from nothing, and so is the whole tree."""
    tree: Digest
    """What proves the whole tree after `delta`."""
    file_count: int
    size_bytes: int
    delta: Delta

    def __post_init__(self) -> None:
        if self.seq < 1 or (self.parent is not None and self.parent < 1):
            raise ValueError(f"no version is {self.seq} after {self.parent}")
        if self.file_count < 0 or not 0 <= self.size_bytes <= MAX_SIZE:
            raise ValueError("a tree cannot hold less than nothing")
        if self.full and self.delta.gone:
            raise ValueError("nothing can be gone from nothing")
        _check_utc(self.at)
        _check_delta(self.delta)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack says of itself."""

    pack: uuid.UUID
    kind: Kind
    level: int
    """How often its contents were merged; not the level of zstd."""
    scope: str
    """Within it each content is stored once."""
    session: SessionId
    epoch: int
    created: datetime.datetime
    snaps: tuple[SnapRecord, ...] = ()
    deps: tuple[uuid.UUID, ...] = ()
    """Other packs that hold contents which `snaps` name."""
    supersedes: tuple[uuid.UUID, ...] = ()
    frames: tuple[FrameSpan, ...] = ()
    """One behind the other, without a gap."""
    blobs: tuple[BlobSpan, ...] = ()
    """In the order of their places; each digest once."""

    def __post_init__(self) -> None:
        check_scope(self.scope)
        parse_session_id(self.session)
        if not 0 <= self.level <= 9 or self.epoch < 0:
            raise ValueError(f"no pack is of level {self.level}, epoch {self.epoch}")
        _check_utc(self.created)
        if any(one.seq >= other.seq for one, other in pairwise(self.snaps)):
            raise ValueError("versions are not in order")
        _check_frames(self.frames)
        _check_blobs(self.blobs, self.frames)
        _check_large(self.blobs, self.frames)


def check_scope(scope: str) -> None:
    """Check that a scope can be part of a key.

    Raises:
        ValueError: it has other characters than letters, digits, `.`, `_` and `-`.
    """
    if not _SCOPE.fullmatch(scope):
        raise ValueError(f"not a scope: {scope!r}")


def _check_utc(moment: datetime.datetime) -> None:
    if moment.utcoffset() != datetime.timedelta(0):
        raise ValueError(f"{moment} is not in UTC")


def _check_frames(frames: tuple[FrameSpan, ...]) -> None:
    for one, other in pairwise(frames):
        if one.offset + one.length != other.offset:
            raise ValueError(f"a gap or an overlap before the frame at {other.offset}")


def _check_blobs(blobs: tuple[BlobSpan, ...], frames: tuple[FrameSpan, ...]) -> None:
    frame, end = 0, 0
    for blob in blobs:
        if blob.frame != frame:
            frame, end = max(frame, blob.frame), 0
        # Room for its tar header behind the blob before it.
        if blob.frame < frame or blob.offset < end + 512:
            raise ValueError(f"blob {blob.digest.hex()} is out of order")
        end = blob.offset + blob.size_bytes
        if frame >= len(frames) or end > frames[frame].raw_length:
            raise ValueError(f"blob {blob.digest.hex()} is outside of its frame")
    if len({blob.digest for blob in blobs}) != len(blobs):
        raise ValueError("a blob is there twice")


def _check_large(blobs: tuple[BlobSpan, ...], frames: tuple[FrameSpan, ...]) -> None:
    """Check that what is not unfolded in one piece holds one file, and no more.

    Else each of a thousand files in it would cost the unfolding of all before it.
    """
    large = {
        number: frame.raw_length
        for number, frame in enumerate(frames)
        if frame.raw_length > MAX_FRAME_BYTES
    }
    if not large:
        return
    for blob in blobs:
        if blob.frame in large:
            rest = large.pop(blob.frame) - blob.size_bytes
            if not 0 < blob.offset <= rest < MAX_HEADER_BYTES:
                raise ValueError(f"blob {blob.digest.hex()} does not fill its frame")
        elif frames[blob.frame].raw_length > MAX_FRAME_BYTES:
            raise ValueError(f"blob {blob.digest.hex()} shares a large frame")
    if large:
        raise ValueError("a large frame holds nothing")


def _check_delta(delta: Delta) -> None:
    for path, entry in delta.set.items():
        if path in delta.gone:
            raise ValueError(f"{path!r} is both there and gone")
        if not is_safe_path(path):
            raise ValueError(f"unsafe path {path!r}")
        _check_entry(path, entry)
    for path in delta.gone:
        if not is_safe_path(path):
            raise ValueError(f"unsafe path {path!r}")


def _check_entry(path: bytes, entry: Entry) -> None:
    if not -MAX_SIZE <= entry.mtime_ns <= MAX_SIZE:
        raise ValueError(f"{path!r} is from no time that a disk knows")
    if isinstance(entry, Link):
        if not 0 < len(entry.target) <= MAX_PATH_BYTES or b"\0" in entry.target:
            raise ValueError(f"{path!r} links to nowhere")
        return
    if entry.mode & ~PERMISSIONS:
        raise ValueError(f"mode {entry.mode:o} of {path!r} is no plain permission")
    if isinstance(entry, File) and entry.size_bytes > MAX_SIZE:
        raise ValueError(f"{path!r} is larger than any file")
