"""Stores contents again, in packs of a repair's own.

First the object is durable, then one short transaction shows it. Killed before that,
there is an intent that a sweep dooms; killed after it, there is nothing to be done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from expokeep import clock
from expokeep.catalog.values import PackRecord
from expokeep.check.copies import Copy
from expokeep.check.ports import Mender
from expokeep.check.reading import places_in
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import File
from expokeep.pack.format import BIG_FILE_BYTES, Manifest, SnapRecord
from expokeep.pack.key import PackName, pack_key
from expokeep.pack.writer import FinishedPack, PackWriter
from expokeep.store.base import Store

ZSTD_LEVEL = 6
LEVEL = 1
"""Of a pack that tells nothing, as of one that a merge has gathered."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A pack that is to be."""

    session: SessionId
    copies: Sequence[Copy]
    old: tuple[UUID, ...]
    """Where the catalog looked for its contents so far, and who told its versions."""
    epoch: int = 0
    snaps: tuple[SnapRecord, ...] = ()
    told: tuple[int, ...] = ()
    """Numbers of the versions that it tells."""
    deps: tuple[UUID, ...] = ()
    """Other packs that hold contents which these versions name."""
    level: int = LEVEL


@dataclass(frozen=True, slots=True)
class Packer:
    """Makes packs, uploads and shows them."""

    store: Store
    mender: Mender
    scope: str
    prefix: str
    """Of keys, before the scope."""

    def store_again(self, draft: Draft, scratch: Path) -> str:
        """Make a pack, and let the catalog look there; return its key.

        Raises:
            PackGone: somebody doomed it meanwhile; nothing was changed.
        """
        pack = clock.uuid7()
        seq = draft.told[-1] if draft.told else 0
        name = PackName(self.scope, draft.session, seq, draft.level, pack)
        record = PackRecord(pack, pack_key(name, self.prefix), "merge", draft.level, 0)
        finished = self._built(draft, record, scratch)
        self.mender.begin(draft.session, record)
        self.store.put_file(record.key, finished.path, sha256=Digest(finished.sha256))
        finished.path.unlink()
        self.mender.replace(
            draft.session,
            replace(record, size_bytes=finished.size_bytes),
            places_in(finished.manifest, record.key),
            old=draft.old,
            told=draft.told,
        )
        return record.key

    def _built(self, draft: Draft, record: PackRecord, scratch: Path) -> FinishedPack:
        manifest = Manifest(
            pack=record.id,
            kind="merge",
            level=record.level,
            scope=self.scope,
            session=draft.session,
            epoch=draft.epoch,
            created=clock.now(),
            snaps=draft.snaps,
            deps=draft.deps,
            supersedes=draft.old if draft.snaps else (),
        )
        with PackWriter(scratch, ZSTD_LEVEL) as writer:
            for copy in draft.copies:
                add(writer, copy)
            return writer.finish(manifest, fsync=False)


def add(writer: PackWriter, copy: Copy) -> None:
    """Add contents that were found to a pack."""
    named = copy.named
    if named.size_bytes >= BIG_FILE_BYTES:
        with copy.file.open("rb") as source:
            writer.add_stream(
                named.path,
                source,
                named.size_bytes,
                mode=named.mode,
                mtime_ns=named.mtime_ns,
            )
        return
    entry = File(named.digest, named.size_bytes, named.mode, named.mtime_ns)
    writer.add(named.path, entry, copy.file.read_bytes())
