"""Takes the entries of versions from the manifests that tell them, where rows lie."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from expokeep.catalog.evidence import SessionRows
from expokeep.catalog.values import Place
from expokeep.check.mending import spans_of, tree_at, trees_of
from expokeep.check.ports import Ledger, Mender
from expokeep.check.reading import manifest_of, places_in
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree, files_in
from expokeep.pack.format import SnapRecord
from expokeep.store.base import Store


@dataclass(slots=True)
class Entries:
    """Mends sessions, one after the other; a manifest is read once for each."""

    ledger: Ledger
    mender: Mender
    store: Store
    places: Callable[[Collection[Digest]], Mapping[Digest, Place]]
    _known: dict[Digest, Place] = field(default_factory=dict)
    """Places of contents, as manifests tell them."""

    def mend(
        self, session: SessionId, seqs: Collection[int], *, dry_run: bool
    ) -> tuple[int, ...]:
        """Write what is known of the entries of versions; return those that it mends.

        All versions of a chain are written anew. Those that nobody can tell keep the
        entries that they have.
        """
        rows = self.ledger.session(session)
        mended: list[int] = []
        for epoch in sorted({one.epoch for one in rows.versions} if rows else ()):
            assert rows is not None  # noqa: S101 - there is no epoch otherwise
            if any(one.epoch == epoch and one.seq in seqs for one in rows.versions):
                mended += self._mend(rows, epoch, set(seqs), dry_run=dry_run)
        return tuple(sorted(mended))

    def _mend(
        self, rows: SessionRows, epoch: int, wrong: set[int], *, dry_run: bool
    ) -> list[int]:
        versions = [one for one in rows.versions if one.epoch == epoch]
        spans = rows.spans.get(epoch, ())
        found = trees_of(versions, spans, self._told)
        trees: dict[int, Tree] = {}
        mended: list[int] = []
        for seq, tree in found.items():
            if tree is not None and self._is_held(tree):
                trees[seq] = tree
                mended += [seq] if seq in wrong else []
            else:
                trees[seq] = tree_at(spans, seq)
        if mended and not dry_run:
            named = {
                file.digest for tree in trees.values() for _, file in files_in(tree)
            }
            places = [self._known[one] for one in sorted(named & self._known.keys())]
            self.mender.write(rows.session, epoch, spans_of(trees), places)
        return mended

    def _told(self, pack: uuid.UUID) -> Iterable[SnapRecord]:
        for row in self.ledger.packs([pack]):
            manifest = manifest_of(self.store, row)
            if manifest is not None:
                for place in places_in(manifest, row.key):
                    self._known[place.digest] = place
                return manifest.snaps
        return ()

    def _is_held(self, tree: Tree) -> bool:
        """Return whether somebody knows where all contents of a tree are."""
        named = {file.digest for _, file in files_in(tree)}
        return not named - self._known.keys() - self.places(named).keys()
