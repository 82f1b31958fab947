"""Merges packs: the contents that are needed into one object, and what told them.

First the object is durable, then one short transaction shows it. Killed before that,
there is an intent that a sweep dooms; killed after it, there is nothing to be done.
"""

import hashlib
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from expokeep import clock
from expokeep.catalog.caring import Chain, LiveBlob, Swap
from expokeep.catalog.values import PackRecord, Place
from expokeep.crash import point
from expokeep.errors import IntegrityError
from expokeep.log import get
from expokeep.model.digest import Digest, shown
from expokeep.model.names import SessionId
from expokeep.model.tree import File
from expokeep.pack.format import Manifest, SnapRecord
from expokeep.pack.key import PackName, pack_key
from expokeep.pack.writer import FinishedPack, PackWriter
from expokeep.retention.chains import Run, to_move
from expokeep.retention.ports import Fetch, Merges
from expokeep.retention.telling import snaps_of
from expokeep.store.base import Store

log = get(__name__)

FRAME_BYTES = 1024 * 1024
ZSTD_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Site:
    """Where merges are made, and how they are called."""

    host: uuid.UUID
    scope: str
    prefix: str
    """Of keys."""
    directory: Path
    """On local disk, for nobody else: what is in it is thrown away."""
    level: int = ZSTD_LEVEL


@dataclass(frozen=True, slots=True)
class Draft:
    """What a merge is to hold and to tell."""

    session: SessionId
    old: tuple[uuid.UUID, ...]
    blobs: tuple[LiveBlob, ...]
    level: int
    epoch: int | None = None
    snaps: tuple[SnapRecord, ...] = ()
    deps: tuple[uuid.UUID, ...] = ()

    @property
    def manifest_epoch(self) -> int:
        """What the manifest says of the epoch: 0 where no chain is told."""
        return 0 if self.epoch is None else self.epoch


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that is shown."""

    session: SessionId
    pack: uuid.UUID
    replaced: int
    """How many packs it took contents from."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Merger:
    """Merges, one at a time."""

    merges: Merges
    fetch: Fetch
    store: Store
    site: Site

    def merge(self, chain: Chain, run: Run) -> Merged:
        """Let one pack tell and hold what a run of a chain does.

        Raises:
            IntegrityError: what is kept is not what was recorded. Nothing was changed.
            Outdated: something else has happened meanwhile. Nothing was changed.
        """
        versions, lives = self.merges.lives(chain.session, chain.epoch, run.packs)
        snaps = snaps_of(versions, lives)
        totals = {link.pack: link.live_bytes + link.dead_bytes for link in run.links}
        blobs = to_move(self.merges.blobs(chain.session, run.packs), totals)
        moved = {blob.place.digest for blob in blobs}
        named = {entry for snap in snaps for entry in _contents(snap)}
        elsewhere = {
            life.pack
            for life in lives
            if isinstance(life.entry, File)
            and life.entry.digest in named - moved
            and life.pack is not None
        }
        draft = Draft(
            session=chain.session,
            old=run.packs,
            blobs=tuple(blobs),
            level=run.level,
            epoch=chain.epoch,
            snaps=snaps,
            deps=tuple(sorted(elsewhere)),
        )
        return self._carried_out(draft)

    def gather(
        self, session: SessionId, old: Sequence[uuid.UUID], blobs: Sequence[LiveBlob]
    ) -> Merged:
        """Move contents into a pack of `session` that tells nothing.

        Raises:
            IntegrityError, Outdated: as for `merge`.
        """
        return self._carried_out(Draft(session, tuple(old), tuple(blobs), level=1))

    def _carried_out(self, draft: Draft) -> Merged:
        self._clear()
        swap = self._swap(draft)
        self.merges.begin(swap, host=self.site.host)
        point("after-merge-intent")
        finished = self._built(draft, swap.pack)
        point("after-merge-build")
        sha256 = Digest(finished.sha256)
        self.store.put_file(swap.pack.key, finished.path, sha256=sha256)
        point("after-merge-put")
        record = replace(swap.pack, size_bytes=finished.size_bytes)
        self.merges.swap(replace(swap, pack=record, places=_places(record, finished)))
        point("after-merge-swap")
        self._clear()
        merged = Merged(draft.session, record.id, len(draft.old), finished.size_bytes)
        log.info(
            "packs merged",
            session=draft.session,
            packs=len(draft.old),
            versions=len(draft.snaps),
            stored_bytes=finished.size_bytes,
        )
        return merged

    def _swap(self, draft: Draft) -> Swap:
        seq = draft.snaps[-1].seq if draft.snaps else 0
        pack = clock.uuid7()
        name = PackName(self.site.scope, draft.session, seq, draft.level, pack)
        record = PackRecord(
            pack, pack_key(name, self.site.prefix), "merge", draft.level, 0
        )
        told = tuple(snap.seq for snap in draft.snaps)
        return Swap(draft.session, record, draft.old, draft.epoch, told)

    def _built(self, draft: Draft, record: PackRecord) -> FinishedPack:
        manifest = Manifest(
            pack=record.id,
            kind="merge",
            level=record.level,
            scope=self.site.scope,
            session=draft.session,
            epoch=draft.manifest_epoch,
            created=clock.now(),
            snaps=draft.snaps,
            deps=draft.deps,
            supersedes=draft.old if draft.snaps else (),
        )
        with PackWriter(
            self.site.directory, self.site.level, frame_bytes=FRAME_BYTES
        ) as writer:
            # In two goes, because each comes in the order in which it lies.
            for in_head in (True, False):
                self._add(
                    writer, [one for one in draft.blobs if one.in_head is in_head]
                )
            return writer.finish(manifest, fsync=False)

    def _add(self, writer: PackWriter, blobs: Sequence[LiveBlob]) -> None:
        known = {blob.place.digest: blob for blob in blobs}
        for digest, size_bytes, pieces in self.fetch([blob.place for blob in blobs]):
            contents = b"".join(pieces)
            if hashlib.sha256(contents).digest() != digest:
                raise IntegrityError(f"{shown(digest)} is not what was kept")
            blob = known[digest]
            entry = File(digest, size_bytes, blob.mode, blob.mtime_ns)
            writer.add(blob.path, entry, contents)

    def _clear(self) -> None:
        shutil.rmtree(self.site.directory, ignore_errors=True)
        self.site.directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _contents(snap: SnapRecord) -> list[Digest]:
    return [
        entry.digest for entry in snap.delta.set.values() if isinstance(entry, File)
    ]


def _places(record: PackRecord, finished: FinishedPack) -> tuple[Place, ...]:
    manifest = finished.manifest
    return tuple(
        Place(
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            pack=record.id,
            key=record.key,
            frame_offset=manifest.frames[blob.frame].offset,
            frame_length=manifest.frames[blob.frame].length,
            frame_raw_length=manifest.frames[blob.frame].raw_length,
            offset=blob.offset,
        )
        for blob in manifest.blobs
    )
