"""What differs between two trees, in the words that a person reads. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from expokeep.history import renames as moving
from expokeep.model.digest import Digest
from expokeep.model.names import parents, plain
from expokeep.model.tree import Entry, File, Tree, diff

Kind = Literal["A", "M", "D", "T", "R"]
"""Added, modified, deleted, another type, renamed."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs."""

    kind: Kind
    path: bytes
    old: Entry | None
    new: Entry | None
    old_path: bytes | None = None
    """Of what was renamed."""


Read = Callable[[Collection[Digest]], Mapping[Digest, bytes]]
"""Returns contents, all of them small."""


def changes(old: Tree, new: Tree, read: Read | None = None) -> list[Change]:
    """Return what turns `old` into `new`, sorted by path.

    A file that went and came back elsewhere with the same contents was renamed; with
    `read`, also one whose contents are still much the same. A directory is only told
    of where nothing below it tells of it already.

    >>> from expokeep.model.tree import Directory, Link
    >>> [change.kind for change in changes({b"a": Link(b"x")}, {b"a": Directory()})]
    ['T']
    """
    delta = diff(old, new)
    gone = {path: old[path] for path in delta.gone}
    came = {path: entry for path, entry in delta.set.items() if path not in old}
    renames = _renames(gone, came)
    if read is not None:
        moved = set(renames.values())
        renames |= _edited(
            {path: one for path, one in gone.items() if path not in moved},
            {path: one for path, one in came.items() if path not in renames},
            read,
        )
    found = [*_present(delta.set, old, new, renames)]
    moved, occupied = set(renames.values()), _occupied(old)
    found += (
        Change("D", path, old[path], None)
        for path in delta.gone - moved
        if path not in occupied
    )
    return sorted(found, key=lambda change: change.path)


def below(tree: Tree, paths: Collection[bytes]) -> Tree:
    """Return the part of a tree at and below some paths; all of it if there are none.

    >>> from expokeep.model.tree import Link
    >>> sorted(below(dict.fromkeys([b"a", b"a/b", b"ab"], Link(b"x")), [b"a"]))
    [b'a', b'a/b']
    """
    wanted = {plain(path) for path in paths} - {b""}
    if not wanted:
        return tree
    return {
        path: entry
        for path, entry in tree.items()
        if path in wanted or not wanted.isdisjoint(parents(path))
    }


def _present(
    entries: Tree, old: Tree, new: Tree, renames: dict[bytes, bytes]
) -> Iterator[Change]:
    occupied = _occupied(new)
    for path, entry in entries.items():
        before = old.get(path)
        if before is not None:
            kind: Kind = "M" if type(before) is type(entry) else "T"
            yield Change(kind, path, before, entry)
        elif path in renames:
            source = renames[path]
            yield Change("R", path, old[source], entry, source)
        elif path not in occupied:
            yield Change("A", path, None, entry)


def _occupied(tree: Tree) -> set[bytes]:
    """Return the directories that something is in."""
    return {parent for path in tree for parent in parents(path)}


def _renames(gone: Tree, added: Tree) -> dict[bytes, bytes]:
    """Return new path to old path of the files that only moved.

    The same last name is the best hint of what moved where; what is left is taken in
    order. Empty files are all alike, so that they prove nothing.
    """
    renames: dict[bytes, bytes] = {}
    for exact in (True, False):
        waiting: dict[tuple[Digest, bytes], list[bytes]] = defaultdict(list)
        for path in sorted(gone.keys() - renames.values(), reverse=True):
            if key := _key(path, gone[path], exact=exact):
                waiting[key].append(path)
        for path in sorted(added.keys() - renames.keys()):
            key = _key(path, added[path], exact=exact)
            if key and waiting.get(key):
                renames[path] = waiting[key].pop()
    return renames


def _edited(gone: Tree, added: Tree, read: Read) -> dict[bytes, bytes]:
    """Return new path to old path of the files that were moved and edited."""
    sides = [_files(gone), _files(added)]
    olds, news = moving.candidates(
        *({path: one.size_bytes for path, one in side.items()} for side in sides)
    )
    if not olds:
        return {}
    wanted = [
        {path: side[path] for path in sorted(paths)}
        for side, paths in zip(sides, (olds, news), strict=True)
    ]
    found = read({one.digest for side in wanted for one in side.values()})
    return moving.alike(
        *({path: found[one.digest] for path, one in side.items()} for side in wanted)
    )


def _files(tree: Tree) -> dict[bytes, File]:
    return {path: one for path, one in tree.items() if isinstance(one, File)}


def _key(path: bytes, entry: Entry, *, exact: bool) -> tuple[Digest, bytes] | None:
    if not isinstance(entry, File) or not entry.size_bytes:
        return None
    return entry.digest, path.rpartition(b"/")[2] if exact else b""
