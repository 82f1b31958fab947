"""Tells versions anew: the first as a full listing, the others by what changed. Pure.

What a merge tells takes the place of what was told before, so it is proved first: the
digest of each tree must be the one that was recorded when the version was made.
"""

from collections.abc import Iterator, Sequence

from expokeep.catalog.caring import Life
from expokeep.errors import IntegrityError
from expokeep.model.tree import Delta, Tree, patch, tree_digest
from expokeep.model.version import Version
from expokeep.pack.format import SnapRecord


def snaps_of(
    versions: Sequence[Version], lives: Sequence[Life]
) -> tuple[SnapRecord, ...]:
    """Return what a manifest says of versions of one epoch, ascending by number.

    Raises:
        IntegrityError: the history does not give the trees that were recorded.
    """
    return tuple(_told(versions, lives))


def _told(versions: Sequence[Version], lives: Sequence[Life]) -> Iterator[SnapRecord]:
    tree: Tree = {}
    before: int | None = None
    for version in versions:
        delta = _delta(lives, before, version.seq, tree)
        tree = patch(tree, delta)
        if tree_digest(tree) != version.tree:
            raise IntegrityError(
                f"the history of {version.session}@{version.seq} gives another tree "
                "than was recorded"
            )
        yield SnapRecord(
            seq=version.seq,
            parent=version.parent,
            at=version.taken_at,
            full=before is None,
            tree=version.tree,
            file_count=version.file_count,
            size_bytes=version.size_bytes,
            delta=delta,
        )
        before = version.seq


def _delta(lives: Sequence[Life], before: int | None, seq: int, tree: Tree) -> Delta:
    """Return what came and went from version `before`, whose tree it is, to `seq`."""
    since = 0 if before is None else before
    started = {
        life.path: life.entry
        for life in lives
        if since < life.valid_from <= seq
        and (life.valid_to is None or life.valid_to > seq)
    }
    ended = {
        life.path
        for life in lives
        if life.valid_to is not None and since < life.valid_to <= seq
    }
    return Delta(started, frozenset(ended & tree.keys() - started.keys()))
