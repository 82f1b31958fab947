"""Writes packs anew that cannot say any more what they hold, or whom they tell.

The catalog knows both. Contents that are good move over, versions are told from their
entries, each tree proved first. What is lost of the contents stays where it is looked
for: that is for a repair of the catalog.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from expokeep.catalog.evidence import Named, PackRow, SessionRows, VersionRow
from expokeep.catalog.values import Place
from expokeep.check.copies import Copy, fetched, taken
from expokeep.check.mending import Step, tree_at
from expokeep.check.packer import LEVEL, Draft, Packer
from expokeep.check.ports import Ledger, Mender
from expokeep.check.reading import read_pack
from expokeep.check.values import Finding
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Delta, Tree, diff, files_in, tree_digest
from expokeep.pack.format import SnapRecord
from expokeep.store.base import Store

REWRITTEN = ("damaged-manifest", "wrong-size", "missing-object")


@dataclass(frozen=True, slots=True)
class Telling:
    """Versions of one epoch, as a manifest tells them."""

    epoch: int
    snaps: tuple[SnapRecord, ...]
    named: frozenset[Digest]

    @property
    def seqs(self) -> tuple[int, ...]:
        """Their numbers."""
        return tuple(snap.seq for snap in self.snaps)


@dataclass(frozen=True, slots=True)
class Rewriter:
    """Writes packs anew, one after the other."""

    ledger: Ledger
    mender: Mender
    store: Store
    packer: Packer
    places: Callable[[Collection[Digest]], Mapping[Digest, Place]]

    def rewritten(
        self, findings: Sequence[Finding], scratch: Path, *, dry_run: bool
    ) -> Iterator[Step]:
        """Yield what is done for what a check has found."""
        for one in findings:
            if one.kind in REWRITTEN and one.pack is not None:
                for pack in self.ledger.packs([one.pack]):
                    yield from self._pack(pack, one, scratch, dry_run=dry_run)
            elif one.kind == "untold-version":
                for session, seqs in one.untold.items():
                    yield from self._told(session, seqs, scratch, dry_run=dry_run)

    def _pack(
        self, pack: PackRow, finding: Finding, scratch: Path, *, dry_run: bool
    ) -> Iterator[Step]:
        seqs = self.ledger.told_by(pack.id).get(pack.session, ())
        tellings = self._tellings(pack.session, seqs) or [Telling(0, (), frozenset())]
        copies = self._good(pack, scratch)
        for number, telling in enumerate(tellings):
            own = copies if number == 0 else []
            if not own and not telling.snaps:
                continue
            draft = Draft(
                session=pack.session,
                copies=own,
                old=(pack.id,),
                epoch=telling.epoch,
                snaps=telling.snaps,
                told=telling.seqs,
                deps=self._deps(telling, own),
                level=max(pack.level, LEVEL),
            )
            detail = (
                f"{len(own)} good contents and {len(telling.snaps)} versions of the "
                f"pack ({finding.kind}) written anew"
            )
            yield self._stored(draft, detail, scratch, dry_run=dry_run)
        for copy in copies:
            copy.file.unlink()

    def _told(
        self, session: SessionId, seqs: Sequence[int], scratch: Path, *, dry_run: bool
    ) -> Iterator[Step]:
        for telling in self._tellings(session, seqs):
            draft = Draft(
                session=session,
                copies=(),
                old=(),
                epoch=telling.epoch,
                snaps=telling.snaps,
                told=telling.seqs,
                deps=self._deps(telling, ()),
            )
            detail = f"{len(telling.snaps)} versions told anew"
            yield self._stored(draft, detail, scratch, dry_run=dry_run)

    def _stored(
        self, draft: Draft, detail: str, scratch: Path, *, dry_run: bool
    ) -> Step:
        key = None if dry_run else self.packer.store_again(draft, scratch)
        told = {draft.session: draft.told} if draft.told else {}
        return Step("manifest", detail, key, draft.session, told)

    def _good(self, pack: PackRow, scratch: Path) -> list[Copy]:
        """Return what is good of the contents that the catalog looks for in a pack."""
        found = self.store.head(pack.key)
        if found is None:
            return []
        places = self.ledger.places(pack.id)
        report = read_pack(self.store, pack, found.size_bytes, places)
        true = {place.digest: place for place in places} | report.misplaced
        names: dict[Digest, Named] = {}
        good = report.good & true.keys()
        for named in self.mender.names(good) if good else ():
            names.setdefault(named.digest, named)
        return [
            Copy(named, into, pack.key)
            for digest, named in sorted(names.items())
            if taken(
                fetched(self.store, true[digest]),
                digest,
                into := scratch / digest.hex(),
            )
        ]

    def _tellings(self, session: SessionId, seqs: Collection[int]) -> list[Telling]:
        rows = self.ledger.session(session)
        if rows is None:
            return []
        by_epoch = defaultdict[int, list[VersionRow]](list)
        for version in rows.versions:
            if version.seq in seqs:
                by_epoch[version.epoch].append(version)
        found = (telling_of(rows, some) for some in by_epoch.values())
        return [telling for telling in found if telling.snaps]

    def _deps(self, telling: Telling, copies: Sequence[Copy]) -> tuple[uuid.UUID, ...]:
        elsewhere = telling.named - {copy.named.digest for copy in copies}
        found = self.places(elsewhere) if elsewhere else {}
        return tuple(sorted({place.pack for place in found.values()}))


def telling_of(rows: SessionRows, versions: Sequence[VersionRow]) -> Telling:
    """Return what a manifest says of versions of one epoch, whose trees are right.

    The first is told in full, the others by what changed.
    """
    snaps: list[SnapRecord] = []
    named: set[Digest] = set()
    before: Tree | None = None
    for version in versions:
        tree = tree_at(rows.spans.get(version.epoch, ()), version.seq)
        if tree_digest(tree) != version.tree:
            continue
        snaps.append(
            SnapRecord(
                seq=version.seq,
                parent=version.parent,
                at=version.taken_at,
                full=before is None,
                tree=version.tree,
                file_count=version.file_count,
                size_bytes=version.size_bytes,
                delta=Delta(tree, frozenset())
                if before is None
                else diff(before, tree),
            )
        )
        named |= {file.digest for _, file in files_in(tree)}
        before = tree
    return Telling(versions[0].epoch, tuple(snaps), frozenset(named))
