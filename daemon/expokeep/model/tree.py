"""Trees as values: path to entry, what differs between two, and what proves one.

`diff` is the only algorithm of this program. A snapshot is the diff of what is kept and
what is on disk; a restore is the diff the other way.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from expokeep.model.digest import Digest
from expokeep.model.names import MAX_PATH_BYTES, is_safe_path, parents

MAX_DEPTH = 250
"""Directories inside each other. Far beyond any project; walks need some bound."""

PERMISSIONS = 0o777
"""The bits of a mode that are kept. Set-user-id and its kin are dropped at the door."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: the name of its contents, and how it looks on disk."""

    digest: Digest
    size_bytes: int
    mode: int = 0o644
    mtime_ns: int = field(default=0, compare=False)
    """Kept and restored, but no change by itself."""

    def __post_init__(self) -> None:
        if self.size_bytes < 0:
            raise ValueError(f"a file cannot hold {self.size_bytes} bytes")


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link. Its target is bytes that nobody here ever follows."""

    target: bytes
    mtime_ns: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, empty or not."""

    mode: int = 0o755
    mtime_ns: int = field(default=0, compare=False)


Entry = File | Link | Directory
Tree = Mapping[bytes, Entry]
"""Relative path (bytes, `/` between its parts, the root itself left out) to entry."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What turns one tree into another."""

    set: Mapping[bytes, Entry]
    """What is new or different, by path."""
    gone: frozenset[bytes]

    def __bool__(self) -> bool:
        return bool(self.set or self.gone)


def diff(old: Tree, new: Tree) -> Delta:
    """Return what turns `old` into `new`.

    >>> diff({b"a": Link(b"x")}, {b"b": Link(b"x")})
    Delta(set={b'b': Link(target=b'x', mtime_ns=0)}, gone=frozenset({b'a'}))
    """
    changed = {path: entry for path, entry in new.items() if old.get(path) != entry}
    return Delta(changed, frozenset(old.keys() - new.keys()))


def patch(old: Tree, delta: Delta) -> dict[bytes, Entry]:
    """Return `old` with `delta` applied: `patch(a, diff(a, b)) == b`."""
    tree = {path: entry for path, entry in old.items() if path not in delta.gone}
    tree.update(delta.set)
    return tree


def tree_digest(tree: Tree) -> Digest:
    """Return the digest that proves a whole tree, from end to end.

    SHA-256 over one record per entry, bytewise sorted by path: type, mode in octal,
    size in bytes, SHA-256 in hex (or a link's target), path; each field ends in NUL.
    Times are no part of it.
    """
    hasher = hashlib.sha256()
    for path in sorted(tree):
        hasher.update(record(path, tree[path]))
    return Digest(hasher.digest())


def record(path: bytes, entry: Entry) -> bytes:
    """Return what an entry contributes to the digest of its tree."""
    match entry:
        case File():
            name = entry.digest.hex().encode()
            return b"f\0%o\0%d\0%s\0%s\0" % (entry.mode, entry.size_bytes, name, path)
        case Link():
            return b"l\x00777\0%d\0%s\0%s\0" % (len(entry.target), entry.target, path)
        case Directory():
            return b"d\0%o\0" % entry.mode + b"0\0\0%s\0" % path


def files_in(tree: Tree) -> Iterable[tuple[bytes, File]]:
    """Yield the regular files of a tree."""
    return ((path, entry) for path, entry in tree.items() if isinstance(entry, File))


def size_bytes(tree: Tree) -> int:
    """Return how many bytes the files of a tree hold, each path counted."""
    return sum(entry.size_bytes for _, entry in files_in(tree))


def file_count(tree: Tree) -> int:
    """Return how many regular files a tree has."""
    return sum(1 for _ in files_in(tree))


def validate(tree: Tree) -> None:
    """Check that a tree could be written below one directory without leaving it.

    Raises:
        ValueError: a path is unsafe, a mode has more than permissions, or something
            lies below what is no directory of this tree.
    """
    for path, entry in tree.items():
        if not is_safe_path(path):
            raise ValueError(f"unsafe path {path!r}")
        if path.count(b"/") >= MAX_DEPTH:
            raise ValueError(f"{path[:80]!r}... is too deep")
        if not isinstance(entry, Link) and entry.mode & ~PERMISSIONS:
            raise ValueError(f"mode {entry.mode:o} of {path!r} is no plain permission")
        if isinstance(entry, Link):
            _check_target(path, entry.target)
        for parent in parents(path):
            if not isinstance(tree.get(parent), Directory):
                reason = f"{parent!r}, above {path!r}, is no directory"
                raise ValueError(reason)  # noqa: TRY004 - the value is wrong


def _check_target(path: bytes, target: bytes) -> None:
    # With the NUL behind it, it has to be as long as a path at most.
    if not 0 < len(target) < MAX_PATH_BYTES or b"\0" in target:
        raise ValueError(f"{path!r} links to nowhere")
