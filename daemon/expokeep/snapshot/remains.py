"""What this host still has of a session when the catalog has lost something of it.

Contents that a snapshot relied on, taken again from where they may still be; and trees
that were remembered. Nothing is believed that its digest does not prove.
"""

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from expokeep import clock
from expokeep.catalog.values import ReuseGone
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import File, Tree
from expokeep.pack.format import BIG_FILE_BYTES, Manifest
from expokeep.pack.key import PackName, pack_key
from expokeep.pack.reader import PackFile
from expokeep.pack.writer import FinishedPack, PackWriter
from expokeep.snapshot.memory import Memories
from expokeep.snapshot.values import Policy
from expokeep.spool.spool import Spool, SpooledPack, SpoolEntry
from expokeep.worktree.checkout import contents
from expokeep.worktree.root import opened

log = get(__name__)

Wanted = Mapping[Digest, tuple[bytes, File]]
"""Contents, each with a path at which the snapshot has them."""


@dataclass(frozen=True, slots=True)
class Remains:
    """Finds again what was thought to be kept."""

    spool: Spool
    memories: Memories
    policy: Policy

    def trees(self, session: SessionId) -> Iterator[Tree]:
        """Yield trees that are remembered of a session."""
        for _pack, tree in self.memories.shelf.trees(session):
            yield tree

    def refilled(
        self, entry: SpoolEntry, manifest: Manifest, wanted: Wanted
    ) -> SpoolEntry:
        """Give an entry a pack more, with contents that are no longer kept.

        Args:
            entry: relies on them; the caller holds it.
            manifest: of its own pack.
            wanted: the contents.

        Raises:
            ReuseGone: they are in no directory of the session any more, and in no other
                entry of it. The entry is as it was.
        """
        pack = self._packed(entry, manifest, wanted)
        log.warning(
            "contents packed again", session=entry.note.session, count=len(wanted)
        )
        note = entry.note
        more = replace(
            note,
            packs=(*note.packs, pack),
            reused=tuple(one for one in note.reused if one not in wanted),
        )
        return self.spool.amend(entry, more)

    def rekeyed(self, entry: SpoolEntry, stale: frozenset[uuid.UUID]) -> SpoolEntry:
        """Give packs of an entry new keys: theirs may have been used before."""
        packs = tuple(
            replace(pack, key=self._key(entry, clock.uuid7()))
            if pack.id in stale
            else pack
            for pack in entry.note.packs
        )
        return self.spool.amend(entry, replace(entry.note, packs=packs))

    def _packed(
        self, entry: SpoolEntry, manifest: Manifest, wanted: Wanted
    ) -> SpooledPack:
        pack = clock.uuid7()
        with PackWriter(entry.directory, self.policy.incremental_level) as writer:
            found = set(self._found(entry, wanted, writer))
            if missing := wanted.keys() - found:
                raise ReuseGone(missing)
            more = replace(
                manifest, pack=pack, kind="incr", snaps=(), deps=(), frames=(), blobs=()
            )
            made = writer.finish(more, fsync=self.policy.fsync)
        return self._spooled(entry, made)

    def _found(
        self, entry: SpoolEntry, wanted: Wanted, writer: PackWriter
    ) -> Iterator[Digest]:
        for source in (self._in_directories, self._in_spool):
            for digest, chunks in source(entry, wanted):
                if writer.holds(digest):
                    continue
                try:
                    if _added(writer, entry.directory, wanted[digest], chunks):
                        yield digest
                except (ExpokeepError, OSError) as error:
                    log.debug("contents not found", error=str(error))

    def _in_directories(
        self, entry: SpoolEntry, wanted: Wanted
    ) -> Iterator[tuple[Digest, Iterable[bytes]]]:
        for directory in self.memories.directories(entry.note.session):
            try:
                with opened(directory) as root:
                    for digest, (path, _) in wanted.items():
                        yield digest, contents(root.descriptor, path)
            except (ExpokeepError, OSError) as error:
                log.debug("directory not read", error=str(error))

    def _in_spool(
        self, entry: SpoolEntry, wanted: Wanted
    ) -> Iterator[tuple[Digest, Iterable[bytes]]]:
        for other in self.spool.pending(entry.note.session):
            for pack in other.note.packs:
                try:
                    with PackFile(other.path_of(pack)) as file:
                        for digest in wanted:
                            if file.holds(digest):
                                yield digest, file.stream(digest)
                except (ExpokeepError, OSError) as error:
                    log.debug("pack not read", error=str(error))

    def _spooled(self, entry: SpoolEntry, made: FinishedPack) -> SpooledPack:
        return SpooledPack(
            id=made.manifest.pack,
            file_name=made.path.name,
            key=self._key(entry, made.manifest.pack),
            kind="incr",
            level=0,
            size_bytes=made.size_bytes,
            sha256=Digest(made.sha256),
        )

    def _key(self, entry: SpoolEntry, unique: uuid.UUID) -> str:
        name = PackName(self.policy.scope, entry.note.session, 0, 0, unique)
        return pack_key(name, self.policy.key_prefix)


def _added(
    writer: PackWriter,
    directory: Path,
    wanted: tuple[bytes, File],
    chunks: Iterable[bytes],
) -> bool:
    """Add contents to a pack if they are what is wanted; return whether they were."""
    path, entry = wanted
    hasher, size_bytes = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(
        max_size=BIG_FILE_BYTES, dir=os.fspath(directory)
    ) as spooled:
        copy = cast("BinaryIO", spooled)  # which it is: typeshed only says IO[bytes]
        for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > entry.size_bytes:
                return False
            hasher.update(chunk)
            copy.write(chunk)
        if hasher.digest() != entry.digest:
            return False
        copy.seek(0)
        if size_bytes < BIG_FILE_BYTES:
            writer.add(path, entry, copy.read())
        else:
            writer.add_stream(
                path, copy, size_bytes, mode=entry.mode, mtime_ns=entry.mtime_ns
            )
    return True
