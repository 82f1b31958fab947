"""What a repair does and says, and the decisions in it that are pure."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from expokeep.catalog.evidence import SessionRows, Span, VersionRow
from expokeep.check.values import Affected
from expokeep.model.names import SessionId
from expokeep.model.tree import (
    Entry,
    Tree,
    diff,
    file_count,
    patch,
    size_bytes,
    tree_digest,
)
from expokeep.pack.format import SnapRecord

Action = Literal[
    "entries",
    "counters",
    "sums",
    "state",
    "places",
    "contents",
    "manifest",
    "park",
    "head",
    "unpark",
    "spool",
    "aside",
]

DAMAGED = "damaged: "
"""How the reason of a version begins that a repair has parked."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a repair does, or would do."""

    action: Action
    detail: str
    key: str | None = None
    """Of the object that it is about, if it is one."""
    session: SessionId | None = None
    affected: Affected = field(default_factory=dict)
    """The versions that it is for."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair came to."""

    what: Literal["catalog", "manifests", "spool"]
    dry_run: bool
    steps: int
    lost: Affected
    """Versions that cannot be mended: parked, and never deleted."""


def tree_at(spans: Iterable[Span], seq: int) -> dict[bytes, Entry]:
    """Return the tree that the rows of an epoch give for a version."""
    return {
        span.path: span.entry
        for span in spans
        if span.entry is not None
        and span.first_seq <= seq
        and (span.end_seq is None or span.end_seq > seq)
    }


def trees_of(
    versions: Sequence[VersionRow],
    spans: Sequence[Span],
    told: Callable[[uuid.UUID], Iterable[SnapRecord]],
) -> dict[int, Tree | None]:
    """Return the right tree of each version of a chain; None where nobody knows it.

    Args:
        versions: of one epoch, by number.
        spans: the rows, of which some are wrong.
        told: what the manifest of a pack tells.
    """
    found: dict[int, Tree | None] = {}
    before: Tree | None = None
    for version in versions:
        tree: Tree | None = tree_at(spans, version.seq)
        if tree is None or tree_digest(tree) != version.tree:
            tree = _retold(version, before, told(version.teller))
        found[version.seq] = before = tree
    return found


def _retold(
    version: VersionRow, before: Tree | None, snaps: Iterable[SnapRecord]
) -> Tree | None:
    """Return the tree of a version as its pack tells it, going on from a tree."""
    tree = before
    for snap in snaps:
        if snap.full:
            tree = snap.delta.set
        elif tree is not None:
            tree = patch(tree, snap.delta)
        if tree is not None and tree_digest(tree) == version.tree:
            return tree
        if snap.tree == version.tree:
            return None
    return None


def spans_of(trees: Mapping[int, Tree]) -> list[Span]:
    """Return the rows of a chain whose versions have these trees, by number.

    >>> from expokeep.model.tree import Link
    >>> spans_of({1: {b"a": Link(b"x")}, 3: {}})[0].end_seq
    3
    """
    found: list[Span] = []
    open_since: dict[bytes, int] = {}
    before: Tree = {}
    for seq in sorted(trees):
        tree = trees[seq]
        delta = diff(before, tree)
        found += [
            Span(path, open_since.pop(path), seq, before[path])
            for path in sorted(delta.gone | (delta.set.keys() & open_since.keys()))
        ]
        open_since |= dict.fromkeys(delta.set, seq)
        # What did not change stays the entry that it was: times are no change.
        before = {path: before[path] for path in before if path in open_since}
        before |= {path: tree[path] for path in delta.set}
    found += [Span(path, open_since[path], None, before[path]) for path in before]
    return sorted(found, key=lambda span: (span.first_seq, span.path))


def wrong_sums(rows: SessionRows) -> dict[int, tuple[int, int]]:
    """Return the true sums of versions that say other ones: files and bytes."""
    found = {}
    for version in rows.versions:
        tree = tree_at(rows.spans.get(version.epoch, ()), version.seq)
        true = (file_count(tree), size_bytes(tree))
        if tree_digest(tree) == version.tree and true != (
            version.file_count,
            version.size_bytes,
        ):
            found[version.seq] = true
    return found


def next_head(rows: SessionRows, lost: Iterable[int]) -> int | None:
    """Return the version that is to be head: the one that is, if nothing is wrong.

    Otherwise the last good one, if possible of the same life of the directory.
    """
    bad = set(lost)
    good = [one for one in rows.versions if one.parked is None and one.seq not in bad]
    if any(one.seq == rows.head_seq for one in good) or not good:
        return rows.head_seq
    by_seq = {one.seq: one for one in rows.versions}
    head = by_seq.get(rows.head_seq or 0)
    same = [one for one in good if head is not None and one.epoch == head.epoch]
    return (same or good)[-1].seq


def joined(some: Iterable[Affected]) -> dict[SessionId, tuple[int, ...]]:
    """Return versions of several lists as one."""
    found: dict[SessionId, set[int]] = {}
    for affected in some:
        for session, seqs in affected.items():
            found.setdefault(session, set()).update(seqs)
    return {session: tuple(sorted(found[session])) for session in sorted(found)}


def without(affected: Affected, other: Affected) -> dict[SessionId, tuple[int, ...]]:
    """Return versions that are not in another list."""
    left = {
        session: tuple(seq for seq in seqs if seq not in other.get(session, ()))
        for session, seqs in affected.items()
    }
    return {session: seqs for session, seqs in left.items() if seqs}


def batches(sizes: Iterable[tuple[int, int]], most_bytes: int) -> Iterator[list[int]]:
    """Yield places of things, so many together that they are not too large.

    Args:
        sizes: the place and the size of each.
        most_bytes: of those that are yielded together, unless one alone is larger.

    >>> list(batches([(0, 5), (1, 4), (2, 9)], 10))
    [[0, 1], [2]]
    """
    batch: list[int] = []
    batch_bytes = 0
    for place, added_bytes in sizes:
        if batch and batch_bytes + added_bytes > most_bytes:
            yield batch
            batch, batch_bytes = [], 0
        batch.append(place)
        batch_bytes += added_bytes
    if batch:
        yield batch
