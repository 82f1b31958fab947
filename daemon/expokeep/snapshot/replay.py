"""What a project was when it ended: the last kept tree, and what was taken since. Pure.

Deletions are not in an early journal, because a removal deletes everything. So a replay
has all that there was at the end, and perhaps some that a person had just deleted: we
would rather keep too much.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from expokeep.model.names import parents
from expokeep.model.tree import Directory, Entry, Tree
from expokeep.spool.early import (
    Believed,
    FileTaken,
    LinkTaken,
    Moved,
    Reading,
    Stored,
    Told,
    entry_of,
)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A file that was taken early."""

    taken: FileTaken
    stored: Stored


@dataclass(frozen=True, slots=True)
class FreshLink:
    """A link that was taken early."""

    taken: LinkTaken


Leaf = Entry | Fresh | FreshLink


def replayed(base: Tree, reading: Reading) -> dict[bytes, Leaf]:
    """Return the tree that `base` had become by the end of a journal."""
    tree = Overlay(dict(base))
    known = Overlay({})
    for told in reading.known:
        known.play(told)
    for path, leaf in known.leaves.items():
        if path not in tree.leaves and not isinstance(leaf, Directory):
            tree.put(path, leaf)
    for told in reading.doubtful:
        tree.play(told, is_doubtful=True)
    for told in reading.fresh:
        tree.play(told)
    return tree.leaves


class Overlay:
    """A tree to which things happen."""

    def __init__(self, leaves: dict[bytes, Leaf]) -> None:
        self.leaves = leaves

    def play(self, told: Told, *, is_doubtful: bool = False) -> None:
        """Let a record happen."""
        match told.record:
            case FileTaken() as taken:
                self.put(taken.path, Fresh(taken, told.stored))
            case LinkTaken() as taken:
                self.put(taken.path, FreshLink(taken))
            case Moved(old, new):
                self.move(old, new, is_doubtful=is_doubtful)
            case _:
                pass

    def put(self, path: bytes, leaf: Leaf) -> None:
        """Let something be at a path, whatever was there or in the way."""
        for above in parents(path):
            if not isinstance(self.leaves.get(above), Directory):
                self.leaves[above] = Directory()
        if isinstance(self.leaves.get(path), Directory):
            self.take(path)
        self.leaves[path] = leaf

    def move(self, old: bytes, new: bytes, *, is_doubtful: bool) -> None:
        """Let a path, and what is below it, have another name.

        A doubtful move may have happened before the tree was looked at: if something
        is at both ends, what is at the old one came later.
        """
        if is_doubtful and new in self.leaves:
            return
        if new == old or new.startswith(old + b"/"):
            return
        moving = self.take(old)
        if not moving:
            return
        for path, leaf in moving.items():
            here = new + path[len(old) :]
            if path == old:
                self.put(here, leaf)
            else:
                self.leaves[here] = leaf

    def take(self, path: bytes) -> dict[bytes, Leaf]:
        """Remove a path and what is below it, and return all that."""
        leaf = self.leaves.pop(path, None)
        if leaf is None:
            return {}
        taken = {path: leaf}
        if isinstance(leaf, Directory):
            for below in [one for one in self.leaves if one.startswith(path + b"/")]:
                taken[below] = self.leaves.pop(below)
        return taken


def retracted(
    believed: Sequence[Believed], end_s: float, window_s: float
) -> list[Believed]:
    """Return the deletions that belong to the removal which ended at `end_s`.

    Those that were believed shortly before the end, and shortly before each other.

    >>> one, two = Believed(b"1", 10.0, ()), Believed(b"2", 100.0, ())
    >>> [found.pack for found in retracted([one, two], 150.0, 60.0)]
    [b'2']
    """
    found: list[Believed] = []
    for deletions in sorted(believed, key=lambda one: one.at_s, reverse=True):
        if end_s - deletions.at_s > window_s:
            break
        found.append(deletions)
        end_s = deletions.at_s
    return found


def put_back(leaves: dict[bytes, Leaf], believed: Iterable[Believed]) -> None:
    """Put deleted entries back where nothing else has come to be; the latest first."""
    for deletions in believed:
        for flattened in sorted(deletions.gone):
            path = flattened[0]
            if path in leaves:
                continue
            above = [leaves.get(parent) for parent in parents(path)]
            if all(one is None or isinstance(one, Directory) for one in above):
                Overlay(leaves).put(path, entry_of(flattened))


def without_expired(
    leaves: Mapping[bytes, Leaf],
    base: Tree,
    expired_s: float,
    undone: Collection[bytes],
) -> dict[bytes, Leaf]:
    """Return a tree without what was gone from disk long before its end.

    Unless its deletion was a part of the removal after all.
    """
    result = dict(leaves)
    for path, leaf in leaves.items():
        if not isinstance(leaf, Fresh | FreshLink) or path in undone:
            continue
        gone_at_s = leaf.taken.gone_at_s
        if gone_at_s is not None and gone_at_s <= expired_s:
            del result[path]
            if path in base:
                result[path] = base[path]
    return result
