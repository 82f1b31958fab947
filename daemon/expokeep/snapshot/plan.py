"""Decides what a snapshot keeps, given what was kept and what is there. Pure.

A deletion is believed last. The app removes whole projects without a word, file by
file over seconds, and what looks like a person's deletion may be the start of that. So
a path that is gone stays in the tree until it has been gone for a while and its root
still stands. What was renamed or replaced is gone at once: both names together are a
tree that never was.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from expokeep.model.names import parents
from expokeep.model.tree import Delta, Directory, Entry, Tree, diff
from expokeep.worktree.scan import WHOLE


@dataclass(frozen=True, slots=True)
class Plan:
    """What a snapshot will keep."""

    tree: Tree
    delta: Delta
    missing_since_s: Mapping[bytes, float]
    """Deletions that are not believed yet, and when each was first seen."""
    due_s: float | None
    """When the first of them will be."""
    believed: Mapping[bytes, Entry] = field(default_factory=dict)
    """Deletions that are believed now: what was there. No renames among them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long deletions are held back."""

    now_s: float
    grace_s: float
    """Zero believes them at once: a person has asked for this version."""


def decide(
    kept: Tree,
    seen: Tree,
    skipped: AbstractSet[bytes],
    missing_since_s: Mapping[bytes, float],
    patience: Patience,
) -> Plan:
    """Return what to keep.

    Args:
        kept: the tree of the last version.
        seen: the tree that is on disk.
        skipped: paths that are there but were not taken; they, and what is below, stay
            as they were kept.
        missing_since_s: as the last plan said.
        patience: the time, and how long a deletion is held back.
    """
    gone = [path for path in kept if path not in seen]
    replaced = _replaced(gone, kept, seen)
    hidden = {path for path in gone if _is_at_or_below(path, skipped)} - replaced
    since = {
        path: missing_since_s.get(path, patience.now_s)
        for path in gone
        if path not in replaced and path not in hidden
    }
    held = {
        path: start
        for path, start in since.items()
        if patience.now_s < start + patience.grace_s
    }
    stays = hidden | held.keys()
    stays |= {above for path in stays for above in parents(path) if above in kept}
    tree = {**{path: kept[path] for path in stays if path not in seen}, **seen}
    return Plan(
        tree=tree,
        delta=diff(kept, tree),
        missing_since_s=held,
        due_s=min((at + patience.grace_s for at in held.values()), default=None),
        believed={path: kept[path] for path in since if path not in tree},
    )


def _replaced(gone: Collection[bytes], kept: Tree, seen: Tree) -> set[bytes]:
    """Return which of the paths that are gone were renamed, or changed their type."""
    if not gone:
        return set()
    arrived = Counter(
        entry for path, entry in _movable(seen).items() if path not in kept
    )
    movable = _movable(kept)
    replaced: set[bytes] = set()
    for path in sorted(gone):
        if _is_below_no_directory(path, seen):
            replaced.add(path)
        elif path in movable and arrived[movable[path]] > 0:
            arrived[movable[path]] -= 1
            replaced.add(path)
    return replaced | _emptied(gone, kept, replaced)


def _movable(tree: Tree) -> dict[bytes, Entry]:
    """Return what can be known again under another name: not a directory with files."""
    occupied = {path.rpartition(b"/")[0] for path in tree}
    return {path: entry for path, entry in tree.items() if path not in occupied}


def _emptied(
    gone: Collection[bytes], kept: Tree, replaced: Collection[bytes]
) -> set[bytes]:
    """Return directories that are gone because all that they held was renamed away."""
    movers = {above for path in replaced for above in parents(path)}
    waiting = {
        above
        for path in gone
        if path not in replaced and not isinstance(kept[path], Directory)
        for above in parents(path)
    }
    return {
        path
        for path in gone
        if isinstance(kept[path], Directory) and path in movers - waiting
    }


def _is_below_no_directory(path: bytes, seen: Tree) -> bool:
    """Return whether something above `path` is a file or a link now."""
    return any(
        above in seen and not isinstance(seen[above], Directory)
        for above in parents(path)
    )


def _is_at_or_below(path: bytes, tops: AbstractSet[bytes]) -> bool:
    if WHOLE in tops:
        return True
    return path in tops or any(above in tops for above in parents(path))
