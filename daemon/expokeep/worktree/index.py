"""What was last kept of a directory, and how each file looked on disk at that time.

It is a cache: with it a restart reads no contents, without it everything is read once.
So it is written without fsync, and anything odd about it means that there is none.
"""

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from expokeep.model.digest import Digest
from expokeep.model.tree import Directory, Entry, File, Link, Tree

FORMAT = 1

Signature = tuple[int, int, int, int]
"""size_bytes, mtime_ns, ctime_ns, inode: together they say "not written since"."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was when it was last read."""

    signature: Signature | None
    """None: it was so young that a later write might not show. Read it again."""
    quick: bytes
    """xxh3-128 of its contents: answers whether bytes changed, and nothing else."""
    digest: Digest


@dataclass(frozen=True, slots=True)
class Index:
    """The last kept tree of one life of a directory."""

    pack: uuid.UUID | None = None
    """The pack of the version that this is the tree of; None before the first."""
    tree: Tree = field(default_factory=dict)
    known: Mapping[bytes, Known] = field(default_factory=dict)


class _Stored(msgspec.Struct, array_like=True):
    format: int
    pack: bytes
    tree: dict[bytes, tuple[str, bytes, int, int, int]]
    known: dict[bytes, tuple[Signature | None, bytes, bytes]]


def save(path: Path, index: Index) -> None:
    """Write an index so that a reader sees the old one or the new one.

    Raises:
        OSError: there is no room. The old one is as it was.
    """
    stored = _Stored(
        format=FORMAT,
        pack=index.pack.bytes if index.pack else b"",
        tree={name: _flat(entry) for name, entry in index.tree.items()},
        known={
            name: (known.signature, known.quick, known.digest)
            for name, known in index.known.items()
        },
    )
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_bytes(msgspec.msgpack.encode(stored))
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def load(path: Path) -> Index | None:
    """Return the index that was saved, or None if there is none that can be used."""
    try:
        stored = msgspec.msgpack.decode(path.read_bytes(), type=_Stored)
        if stored.format != FORMAT:
            return None
        return Index(
            pack=uuid.UUID(bytes=stored.pack) if stored.pack else None,
            tree={name: _entry(flat) for name, flat in stored.tree.items()},
            known={
                name: Known(signature, quick, Digest(digest))
                for name, (signature, quick, digest) in stored.known.items()
            },
        )
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _flat(entry: Entry) -> tuple[str, bytes, int, int, int]:
    match entry:
        case File():
            return ("f", entry.digest, entry.size_bytes, entry.mode, entry.mtime_ns)
        case Link():
            return ("l", entry.target, 0, 0, entry.mtime_ns)
        case Directory():
            return ("d", b"", 0, entry.mode, entry.mtime_ns)


def _entry(flat: tuple[str, bytes, int, int, int]) -> Entry:
    kind, name, size_bytes, mode, mtime_ns = flat
    if kind == "f":
        return File(Digest(name), size_bytes, mode, mtime_ns)
    if kind == "l":
        return Link(name, mtime_ns)
    return Directory(mode, mtime_ns)
