"""Finds the whole tree of a version: what its delta starts from, as its digest proves.

A delta may start from another version than the one before it: one that was forgotten,
or, after an outage, one whose number nobody knew yet. The digest tells which it was.
"""

import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from expokeep.model.tree import Delta, Entry, Tree, file_count, patch, tree_digest
from expokeep.pack.format import SnapRecord
from expokeep.rebuild.telling import Told

REMEMBERED = 32
"""Trees of versions that another one may start from, however far back."""

TreeOf = Callable[[uuid.UUID], Tree | None]
"""Gives the tree of a version that the catalog has."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A tree, and the version that its delta started from."""

    tree: Tree
    base: uuid.UUID | None
    teller: uuid.UUID


@dataclass(slots=True)
class Trees:
    """The trees that were proved last."""

    known: TreeOf
    _recent: OrderedDict[uuid.UUID, Tree] = field(default_factory=OrderedDict)

    def remember(
        self, pack: uuid.UUID, tree: Tree, ends: Collection[uuid.UUID] = ()
    ) -> None:
        """Keep a tree for those that go out from it; `ends` of chains stay for good."""
        self._recent[pack] = tree
        spare = len(self._recent) - REMEMBERED
        for old in [one for one in self._recent if one not in ends][: max(spare, 0)]:
            del self._recent[old]

    def of(self, pack: uuid.UUID) -> Tree | None:
        """Return the tree of a version, if it is remembered or in the catalog."""
        if pack not in self._recent:
            tree = self.known(pack)
            if tree is None:
                return None
            self._recent[pack] = tree
        return self._recent[pack]

    def proved(self, told: Told, bases: Iterable[uuid.UUID]) -> Proved | None:
        """Return the tree of a version; `bases` are tried before all others."""
        for telling in told.tellings:
            whole = telling.snap.delta.set
            if telling.snap.full and tree_digest(whole) == telling.snap.tree:
                return Proved(whole, None, telling.teller)
        for base in self._candidates(bases):
            if (start := self.of(base)) is None:
                continue
            for telling in told.tellings:
                tree = _patched(start, telling.snap)
                if tree is not None:
                    return Proved(tree, base, telling.teller)
        return None

    def guessed(self, told: Told, base: uuid.UUID | None) -> Proved:
        """Return the tree as it would be if it went out from `base`."""
        start = self.of(base) if base else None
        tree = patch(start or {}, told.snap.delta)
        return Proved(tree, base, told.tellings[0].teller)

    def _candidates(self, bases: Iterable[uuid.UUID]) -> Iterator[uuid.UUID]:
        tried = set()
        for base in (*bases, *reversed(self._recent)):
            if base not in tried:
                tried.add(base)
                yield base


def _patched(start: Tree, snap: SnapRecord) -> Tree | None:
    """Return `start` with a delta applied, if it is the tree that was kept."""
    if not snap.delta.gone <= start.keys():
        return None
    tree = patch(start, snap.delta)
    # Counting is cheaper than a digest, and most wrong ones fail here.
    if file_count(tree) != snap.file_count or tree_digest(tree) != snap.tree:
        return None
    return tree


def changes(old: Tree, new: Tree) -> Delta:
    """Return what turns `old` into `new`, times included.

    Unlike `tree.diff`: what a version has is had back to the nanosecond.
    """
    changed: dict[bytes, Entry] = {
        path: entry
        for path, entry in new.items()
        if (before := old.get(path)) != entry or before.mtime_ns != entry.mtime_ns
    }
    return Delta(changed, frozenset(old.keys() - new.keys()))
