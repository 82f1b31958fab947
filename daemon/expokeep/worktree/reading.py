"""Contents: read once, whole, and never while they change.

A writer truncates and writes; who reads in between gets half a file. So a file is
looked at before and after it is read, and what differs is read again.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import xxhash

from expokeep.errors import ExpokeepError
from expokeep.model.digest import Digest, digest_of
from expokeep.model.tree import File
from expokeep.worktree.index import Known
from expokeep.worktree.own import open_own
from expokeep.worktree.root import Root
from expokeep.worktree.scan import Suspect, mtime_of, signature_of

TRIES = 3
CHUNK_BYTES = 1024 * 1024
YOUNG_NS = 2_000_000_000
"""A file written less than this before a scan may be written again within the same tick
of the file system's clock, and look the same."""


class KeptChanging(ExpokeepError):
    """A file was written again each time it was read."""

    transient = True

    def __init__(self, path: bytes) -> None:
        super().__init__(f"{os.fsdecode(path)!r} was written each time it was read")
        self.path = path


@dataclass(frozen=True, slots=True)
class Contents:
    """A file that was read: what it is, and its bytes if they are few."""

    path: bytes
    entry: File
    known: Known
    data: bytes | None
    """None if the file was larger than the caller wanted to hold."""


def read(
    root: Root, suspect: Suspect, known: Known | None, *, young_ns: int, hold_bytes: int
) -> Contents:
    """Read a file and name its contents.

    Args:
        root: the session it is in.
        suspect: what the scan saw of it.
        known: how it was when it was last read: equal bytes are not named again.
        young_ns: a file written after this moment is to be read again next time.
        hold_bytes: up to this size the bytes come back too.

    Raises:
        KeptChanging: it was written during each of three tries, or has grown large.
        NotOwn: it is not the session's any more.
        OSError: it is gone, is no regular file any more, or cannot be read.
    """
    for _ in range(TRIES):
        with _held(root, suspect.path) as descriptor:
            before = os.fstat(descriptor)
            if before.st_size > max(suspect.signature[0], hold_bytes):
                break  # large, and larger than what the scan found small enough
            quick, digest, data, length = _taken(
                descriptor, before.st_size, known, hold_bytes
            )
            after = os.fstat(descriptor)
        if signature_of(before) == signature_of(after) and length == after.st_size:
            # Anybody may give a file an old time of writing; the kernel alone gives it
            # that of its last change.
            young = max(after.st_mtime_ns, after.st_ctime_ns) >= young_ns
            signature = None if young else signature_of(after)
            entry = File(digest, after.st_size, after.st_mode & 0o777, mtime_of(after))
            return Contents(suspect.path, entry, Known(signature, quick, digest), data)
    raise KeptChanging(suspect.path)


def again(root: Root, path: bytes, entry: File) -> bytes:
    """Read a file whose contents have a name already.

    Raises:
        KeptChanging: they are not these contents any more.
        NotOwn: the file is not the session's any more.
    """
    with _held(root, path) as descriptor:
        data = _whole(descriptor, entry.size_bytes)
    if len(data) != entry.size_bytes or digest_of(data) != entry.digest:
        raise KeptChanging(path)
    return data


def quick_of(data: bytes) -> bytes:
    """Return what answers whether bytes changed, and nothing else."""
    return xxhash.xxh3_128_digest(data)


@contextlib.contextmanager
def _held(root: Root, path: bytes) -> Iterator[int]:
    descriptor = open_own(root, path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(
    descriptor: int, size_bytes: int, known: Known | None, hold_bytes: int
) -> tuple[bytes, Digest, bytes | None, int]:
    """Return both names of the contents, the contents if they are few, their length.

    Never more than a byte beyond `size_bytes`: a file that grows as fast as it is read
    would hold its reader for ever.
    """
    if size_bytes <= hold_bytes:
        data = _whole(descriptor, size_bytes)
        quick = xxhash.xxh3_128_digest(data)
        if known is not None and known.quick == quick:
            return quick, known.digest, data, len(data)
        return quick, digest_of(data), data, len(data)
    fast, strong, length = xxhash.xxh3_128(), hashlib.sha256(), 0
    while chunk := os.read(descriptor, min(CHUNK_BYTES, size_bytes + 1 - length)):
        fast.update(chunk)
        strong.update(chunk)
        length += len(chunk)
    return fast.digest(), Digest(strong.digest()), None, length


def _whole(descriptor: int, size_bytes: int) -> bytes:
    """Read up to one byte more than was promised, so that a growing file shows."""
    parts: list[bytes] = []
    left = size_bytes + 1
    while left and (chunk := os.read(descriptor, left)):
        parts.append(chunk)
        left -= len(chunk)
    return b"".join(parts)
