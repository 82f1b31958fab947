"""Mends what a check has found, as far as anything still knows how it was.

Nothing is ever deleted, and no version is: what cannot be mended is parked with a
reason, so that it is not taken for good, and named. A dry run decides the same, and
writes nothing of it.
"""

import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.catalog.values import Place
from expokeep.check import chains, mending
from expokeep.check.copies import Copies, Copy
from expokeep.check.entries import Entries
from expokeep.check.mending import Repaired, Step, joined, without
from expokeep.check.packer import Draft, Packer
from expokeep.check.ports import Ledger, Mender
from expokeep.check.reading import read_pack
from expokeep.check.rewriting import Rewriter
from expokeep.check.run import Checker
from expokeep.check.values import Affected, Finding, Outcome, Progress, Subset, Wish
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.store.base import Store

PACK_BYTES = 64 * 1024 * 1024
"""Contents that are stored again together."""
AT_ONCE = 200
"""Contents that are looked for, and lie in our scratch directory, at a time."""
ENTRIES = ("wrong-tree", "no-files", "lost-contents")
LOST = ("missing-object", "wrong-size", "damaged-contents")
REASON = mending.DAMAGED + "contents of it are lost"

Said = Progress | Step | Repaired


@dataclass(frozen=True, slots=True)
class Repairer:
    """Mends a catalog and its packs."""

    checker: Checker
    ledger: Ledger
    mender: Mender
    store: Store
    copies: Copies
    packer: Packer
    places: Callable[[Collection[Digest]], Mapping[Digest, Place]]
    """Tells where the catalog looks for contents."""
    scratch: Path
    """A directory of our own, on local disk."""

    def catalog(self, *, dry_run: bool, subset: Subset | None = None) -> Iterator[Said]:
        """Check, and mend what can be mended without loss; park the rest.

        Raises:
            BackendUnreachable, AccessDenied, NoSpace: it can be gone on with later.
        """
        with self.place() as scratch:
            yield from _Catalog(self, scratch, dry_run).run(subset)

    def manifests(
        self, *, dry_run: bool, subset: Subset | None = None
    ) -> Iterator[Said]:
        """Check, and write packs anew that cannot say any more what they hold.

        Raises:
            BackendUnreachable, AccessDenied, NoSpace: it can be gone on with later.
        """
        with self.place() as scratch:
            tools = Rewriter(
                self.ledger, self.mender, self.store, self.packer, self.places
            )
            outcome = Outcome(None, None)
            for said in self.found(subset):
                if isinstance(said, Progress):
                    yield said
                else:
                    outcome = said
            steps = 0
            for step in tools.rewritten(outcome.damage, scratch, dry_run=dry_run):
                steps += 1
                yield step
            yield Repaired("manifests", dry_run, steps, {})

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Give an empty directory that is gone in the end."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(mode=0o700, parents=True)
        try:
            yield self.scratch
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def found(self, subset: Subset | None) -> Iterator[Progress | Outcome]:
        """Check everything; yield how far it is, and the outcome."""
        for said in self.checker.check(Wish(None, subset)):
            if not isinstance(said, Finding):
                yield said


@dataclass(slots=True)
class _Catalog:
    """One repair of the catalog."""

    tools: Repairer
    scratch: Path
    dry_run: bool
    steps: int = 0
    lost: list[Affected] = field(default_factory=list)

    def run(self, subset: Subset | None) -> Iterator[Said]:
        outcome = Outcome(None, None)
        for said in self.tools.found(subset):
            if isinstance(said, Progress):
                yield said
            else:
                outcome = said
        by_kind = defaultdict[str, list[Finding]](list)
        for finding in outcome.damage:
            by_kind[finding.kind].append(finding)
        yield from self._each(self._states(by_kind["wrong-state"]))
        yield from self._each(self._entries(by_kind))
        yield from self._each(self._counters(by_kind["wrong-counter"]))
        yield from self._each(self._places(by_kind["wrong-place"]))
        yield from self._each(self._contents(by_kind))
        lost = joined(self.lost)
        yield from self._each(self._parked(lost))
        yield from self._each(self._heads(lost, by_kind["missing-head"]))
        yield Repaired("catalog", self.dry_run, self.steps, lost)

    def _each(self, steps: Iterator[Step]) -> Iterator[Step]:
        for step in steps:
            self.steps += 1
            yield step

    def _states(self, findings: list[Finding]) -> Iterator[Step]:
        for one in findings:
            assert one.pack is not None  # noqa: S101 - said of packs only
            there = one.key is not None and self.tools.store.head(one.key)
            if not there:
                continue  # then it is a missing object as well
            if not self.dry_run:
                self.tools.mender.publish(one.pack)
            yield Step("state", "the pack is live again", one.key, one.session)

    def _entries(self, by_kind: Mapping[str, list[Finding]]) -> Iterator[Step]:
        wrong = joined(one.affected for kind in ENTRIES for one in by_kind[kind])
        tools = self.tools
        entries = Entries(tools.ledger, tools.mender, tools.store, tools.places)
        for session, seqs in wrong.items():
            mended = entries.mend(session, seqs, dry_run=self.dry_run)
            left = without({session: seqs}, {session: mended})
            self.lost.append(left)
            if mended:
                yield Step(
                    "entries",
                    "its entries are taken from the manifests",
                    session=session,
                    affected={session: mended},
                )

    def _counters(self, findings: list[Finding]) -> Iterator[Step]:
        for session in sorted({one.session for one in findings if one.session}):
            rows = self.tools.ledger.session(session)
            if rows is None:
                continue
            for seq, sums in mending.wrong_sums(rows).items():
                if not self.dry_run:
                    count, size = sums
                    self.tools.mender.sum(
                        session, seq, file_count=count, size_bytes=size
                    )
                what = {session: (seq,)}
                yield Step("sums", "files and bytes counted again", affected=what)
            if any(chains.wrong_counters(rows)):
                if not self.dry_run:
                    self.tools.mender.count(session)
                yield Step("counters", "counted again", session=session)

    def _places(self, findings: list[Finding]) -> Iterator[Step]:
        for one in findings:
            assert one.pack is not None  # noqa: S101 - said of packs only
            for pack in self.tools.ledger.packs([one.pack]):
                named = self.tools.ledger.places(pack.id)
                report = read_pack(self.tools.store, pack, pack.size_bytes, named)
                true = list(report.misplaced.values())
                if true and not self.dry_run:
                    self.tools.mender.move(true)
                if true:
                    detail = f"{len(true)} places taken from the pack itself"
                    yield Step("places", detail, pack.key, pack.session, one.affected)

    def _contents(self, by_kind: Mapping[str, list[Finding]]) -> Iterator[Step]:
        """Store lost contents again that anybody holds; the rest is lost."""
        findings = [one for kind in LOST for one in by_kind[kind] if one.digests]
        wanted = {digest: one for one in findings for digest in one.digests}
        digests, left = sorted(wanted), set(wanted)
        for start in range(0, len(digests), AT_ONCE):
            some = digests[start : start + AT_ONCE]
            by_session = defaultdict[SessionId, list[Copy]](list)
            for copy in self.tools.copies.find(some, self.scratch):
                left.discard(copy.named.digest)
                owner = wanted[copy.named.digest].session
                by_session[owner or copy.named.session].append(copy)
            for session, copies in sorted(by_session.items()):
                yield from self._stored(session, copies, wanted)
        self.lost.append(self.tools.ledger.naming(left) if left else {})

    def _stored(
        self, session: SessionId, copies: list[Copy], wanted: Mapping[Digest, Finding]
    ) -> Iterator[Step]:
        sizes = ((at, copy.named.size_bytes) for at, copy in enumerate(copies))
        for batch in mending.batches(sizes, PACK_BYTES):
            some = [copies[at] for at in batch]
            digests = {copy.named.digest for copy in some}
            affected, key = self.tools.ledger.naming(digests), None
            if not self.dry_run:
                old = {wanted[digest].pack for digest in digests}
                packs = tuple(one for one in old if one is not None)
                draft = Draft(session, some, packs)
                key = self.tools.packer.store_again(draft, self.scratch)
            for copy in some:
                copy.file.unlink()
            where = ", ".join(sorted({copy.where for copy in some}))
            detail = f"{len(some)} lost contents stored again, found in {where}"
            yield Step("contents", detail, key, session, affected)

    def _parked(self, lost: Affected) -> Iterator[Step]:
        known = self.tools.mender.damaged()
        for session, seqs in without(lost, known).items():
            if not self.dry_run:
                self.tools.mender.park(session, seqs, REASON)
            yield Step("park", REASON, None, session, {session: seqs})
        for session, seqs in without(known, lost).items():
            if not self.dry_run:
                self.tools.mender.unpark(session, seqs)
            yield Step("unpark", "it is whole again", None, session, {session: seqs})

    def _heads(self, lost: Affected, missing: list[Finding]) -> Iterator[Step]:
        without_head = {one.session for one in missing if one.session}
        for session in sorted(lost.keys() | without_head):
            rows = self.tools.ledger.session(session)
            if rows is None:
                continue
            seq = mending.next_head(rows, lost.get(session, ()))
            if seq is not None and seq != rows.head_seq:
                if not self.dry_run:
                    self.tools.mender.move_head(session, seq)
                detail = f"the head is version {seq}, instead of {rows.head_seq}"
                yield Step("head", detail, None, session, {session: (seq,)})
