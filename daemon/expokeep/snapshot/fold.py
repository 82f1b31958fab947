"""Folds snapshots that wait in the spool, so that the newest ones have room.

Nothing is lost at any step: the fold is whole and on disk before it takes the place of
what it tells, and until it does nobody knows of it.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from expokeep.crash import point
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.pack.reader import PackFile
from expokeep.pack.writer import FinishedPack, PackWriter
from expokeep.snapshot import folding
from expokeep.snapshot.folding import Fold, Run, Waiting
from expokeep.snapshot.recording import manifests_of
from expokeep.snapshot.values import Policy
from expokeep.spool.spool import Spool, SpooledPack, SpoolEntry

log = get(__name__)

Pressure = Literal["gentle", "hard"]
"""Whether versions that somebody asked for stay versions of their own."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Makes one of several snapshots that wait."""

    spool: Spool
    policy: Policy

    def fold(
        self, session: SessionId, pressure: Pressure
    ) -> Iterator[Sequence[SpoolEntry]]:
        """Fold what waits for a session; yield the entries that became one, each time.

        Those that are being shipped are left alone.

        Raises:
            NoSpace, SpoolFailing: all is as it was, but for what was folded before.
            PackDamaged: the same; a pack in the spool cannot be read any more.
        """
        try:
            waiting = [
                Waiting(entry, manifests_of(entry))
                for entry in self.spool.pending(session)
            ]
        except FileNotFoundError:
            return  # one of them was recorded meanwhile: the next look will tell
        for run in folding.runs(waiting, hard=pressure == "hard"):
            chosen = run if folding.together(waiting, run) else run[1:]
            if len(chosen) > 1 and folding.is_worth_it(chosen):
                with self.spool.held([one.entry for one in chosen]) as ours:
                    if ours:
                        yield self._fold(chosen)

    def _fold(self, run: Run) -> list[SpoolEntry]:
        fold, newest = folding.folded(run), run[-1].entry
        entries = [one.entry for one in run]
        with self.spool.draft(newest.note.session, newest.pack) as draft:
            made = _Making(self.policy, draft, run, fold)
            note = replace(fold.note, packs=made.packs())
            self.spool.seal_fold(draft, note, entries)
        point("after-fold-seal")
        for entry in entries:
            self.spool.drop(entry)
            point("mid-fold-drop")
        log.info(
            "waiting snapshots folded",
            session=note.session,
            count=len(entries),
            before_bytes=sum(entry.disk_bytes for entry in entries),
            after_bytes=sum(pack.size_bytes for pack in note.packs),
        )
        return entries


@dataclass(frozen=True, slots=True)
class _Making:
    """The packs of one fold."""

    policy: Policy
    draft: Path
    run: Run
    fold: Fold

    def packs(self) -> tuple[SpooledPack, ...]:
        """Make all of them, the snapshot's own first."""
        left = set(self.fold.contents)
        big = tuple(self._linked(left))
        own = self._written(left, big)
        newest = self.run[-1].note.packs[0]
        record = replace(
            newest,
            file_name=own.path.name,
            kind=own.manifest.kind,
            size_bytes=own.size_bytes,
            sha256=Digest(own.sha256),
        )
        return (record, *big)

    def _linked(self, left: set[Digest]) -> Iterator[SpooledPack]:
        """Take over the packs of big files that are still wanted, as they are."""
        for one in self.run:
            for pack, manifest in zip(one.note.packs, one.manifests, strict=True):
                held = {blob.digest for blob in manifest.blobs}
                if pack.kind == "big" and held & left:
                    os.link(one.entry.path_of(pack), self.draft / pack.file_name)
                    left -= held
                    yield pack

    def _written(self, left: set[Digest], big: Sequence[SpooledPack]) -> FinishedPack:
        """Write the one pack with all other contents, proved as they are copied."""
        policy, snap = self.policy, self.fold.snap
        level = policy.base_level if snap.full else policy.incremental_level
        with PackWriter(self.draft, level) as writer:
            for one in self.run:
                self._copy(one, left, writer)
            manifest = replace(
                self.run[-1].manifests[0],
                kind="base" if snap.full else "incr",
                snaps=(snap,),
                deps=tuple(pack.id for pack in big),
                frames=(),
                blobs=(),
            )
            return writer.finish(manifest, fsync=policy.fsync)

    def _copy(self, one: Waiting, left: set[Digest], writer: PackWriter) -> None:
        for pack, manifest in zip(one.note.packs, one.manifests, strict=True):
            wanted = [blob.digest for blob in manifest.blobs if blob.digest in left]
            if not wanted:
                continue
            left -= set(wanted)
            with PackFile(one.entry.path_of(pack)) as file:
                for digest in wanted:
                    path, entry = self.fold.contents[digest]
                    writer.add(path, entry, file.blob(digest))
