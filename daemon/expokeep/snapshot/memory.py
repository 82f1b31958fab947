"""What a daemon remembers of each directory between two snapshots of it.

The index is on disk and survives a restart; the rest is asked for again.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.catalog.values import Opened, RootIdentity
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree
from expokeep.worktree import index as indexes
from expokeep.worktree.index import Index

log = get(__name__)


@dataclass(slots=True)
class Memory:
    """One life of a directory."""

    session: SessionId
    identity: RootIdentity
    file: Path
    index: Index
    opened: Opened | None = None
    """Where it stood in the catalog when we last asked; None: ask again."""
    missing_since_s: Mapping[bytes, float] = field(default_factory=dict)
    """Not on disk: after a restart every deletion is held back anew."""

    def keep(self, index: Index) -> None:
        """Take a new index, and write it if it differs.

        It is a cache: a disk that has no room for it must not fail what is sealed.
        """
        differs, self.index = index != self.index, index
        try:
            if differs or not self.file.exists():
                self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                indexes.save(self.file, index)
        except OSError as error:
            log.warning("index not written", session=self.session, error=str(error))
            # None is better than one of a version before: all is read once more.
            with contextlib.suppress(OSError):
                self.file.unlink(missing_ok=True)

    def rebase(self, index_tree: Tree, opened: Opened) -> None:
        """Start from what the catalog says; what we read of the disk stays true."""
        self.index = Index(opened.tip_pack, index_tree, self.index.known)


class Memories:
    """All that is remembered, by directory life."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._by_life: dict[tuple[SessionId, RootIdentity], Memory] = {}

    def of(self, session: SessionId, identity: RootIdentity) -> Memory:
        """Return what is remembered of a directory, from disk if need be."""
        life = (session, identity)
        if life not in self._by_life:
            file = self._file(session, identity)
            index = indexes.load(file) or Index()
            self._by_life[life] = Memory(session, identity, file, index)
        return self._by_life[life]

    def known(self, session: SessionId, identity: RootIdentity) -> Memory | None:
        """Return what is remembered of a directory since this process began."""
        return self._by_life.get((session, identity))

    def forget(self, session: SessionId, device: int, inode: int) -> None:
        """Drop what is remembered of a directory that is no more."""
        for life in list(self._by_life):
            if life[0] == session and (life[1].device, life[1].inode) == (
                device,
                inode,
            ):
                del self._by_life[life]
        for file in (self._directory / session).glob(f"{device:x}-{inode:x}-*.index"):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (self._directory / session).rmdir()

    def _file(self, session: SessionId, identity: RootIdentity) -> Path:
        name = f"{identity.device:x}-{identity.inode:x}-{identity.birth_ns:x}.index"
        return self._directory / session / name
