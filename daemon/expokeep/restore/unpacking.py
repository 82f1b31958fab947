"""Reads what waits in a spool: what its packs say, whole trees, and contents.

One look reads each pack once. What is dropped meanwhile was recorded: who looks again
finds it in the catalog.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from expokeep.errors import NotFound
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.tree import Tree, patch, tree_digest
from expokeep.pack.format import BIG_FILE_BYTES, Manifest, PackDamaged, SnapRecord
from expokeep.pack.reader import PackFile
from expokeep.restore.blob import Blob
from expokeep.spool.entry import SpooledPack, SpoolEntry

log = get(__name__)

TreeOfPack = Callable[[uuid.UUID], Tree]
"""Tells the tree of a recorded version by its pack; raises NotFound if it is none."""
Remembered = Callable[[], Iterable[tuple[uuid.UUID, Tree]]]
"""Yields trees that this host remembers, with the pack that each is of."""


def _nothing_recorded(pack: uuid.UUID) -> Tree:
    raise NotFound(f"pack {pack} is of no version")


@dataclass(frozen=True, slots=True)
class Unpacking:
    """One look at what waits for a session. For one thread."""

    entries: Sequence[SpoolEntry]
    recorded: TreeOfPack = _nothing_recorded
    remembered: Remembered = tuple
    _manifests: dict[uuid.UUID, Manifest] = field(default_factory=dict)
    _trees: dict[uuid.UUID, Tree] = field(default_factory=dict)

    def snap(self, entry: SpoolEntry) -> SnapRecord:
        """Return what a snapshot says of itself.

        Raises:
            FileNotFoundError: it waits no more.
        """
        return self._manifest(entry, entry.note.packs[0]).snaps[0]

    def tree(self, entry: SpoolEntry) -> Tree | None:
        """Return the whole tree of a snapshot, proved; None if nothing here proves it.

        Raises:
            BackendUnreachable: the catalog would have to say what it goes out from.
        """
        if entry.pack not in self._trees:
            wanted = self.snap(entry).tree
            for tree in self._candidates(entry):
                if tree_digest(tree) == wanted:
                    self._trees[entry.pack] = tree
                    break
        return self._trees.get(entry.pack)

    def digests(self) -> set[Digest]:
        """Return which contents are in the packs that wait."""
        return {
            blob.digest
            for entry in self.entries
            for pack in entry.note.packs
            for blob in self._manifest(entry, pack).blobs
        }

    def blobs(self, wanted: set[Digest]) -> Iterator[Blob]:
        """Yield contents that are here, and take them out of `wanted`."""
        for entry in self.entries:
            for pack in entry.note.packs:
                if not wanted:
                    return
                # Recorded and dropped meanwhile: the bucket has what is left.
                with contextlib.suppress(FileNotFoundError):
                    yield from self._contents(entry, pack, wanted)

    def _contents(
        self, entry: SpoolEntry, pack: SpooledPack, wanted: set[Digest]
    ) -> Iterator[Blob]:
        with PackFile(entry.path_of(pack)) as file:
            for blob in file.manifest.blobs:
                if blob.digest not in wanted:
                    continue
                if blob.size_bytes >= BIG_FILE_BYTES:
                    wanted.remove(blob.digest)
                    yield blob.digest, blob.size_bytes, file.stream(blob.digest)
                    continue
                try:
                    contents = file.blob(blob.digest)
                except PackDamaged as error:
                    log.warning("spool damaged", pack=pack.id, reason=str(error))
                    continue  # another pack may hold it, or the bucket
                wanted.remove(blob.digest)
                yield blob.digest, blob.size_bytes, (contents,)

    def _candidates(self, entry: SpoolEntry) -> Iterator[Tree]:
        """Yield what the tree of a snapshot may be, the cheapest first."""
        snap, parent = self.snap(entry), entry.note.parent_pack
        if snap.full:
            yield snap.delta.set
            return
        for other in self.entries:
            if other.pack == parent and (before := self.tree(other)) is not None:
                yield patch(before, snap.delta)
        for pack, tree in self.remembered():
            # Of a fold it may be a state in the middle, and the digest proves it too.
            yield tree if pack == entry.pack else patch(tree, snap.delta)
        if parent is not None:
            with contextlib.suppress(NotFound):
                yield patch(self.recorded(parent), snap.delta)

    def _manifest(self, entry: SpoolEntry, pack: SpooledPack) -> Manifest:
        if pack.id not in self._manifests:
            with PackFile(entry.path_of(pack)) as file:
                self._manifests[pack.id] = file.manifest
        return self._manifests[pack.id]
