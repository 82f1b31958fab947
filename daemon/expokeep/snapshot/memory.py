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
from expokeep.worktree.shelf import Footing, Life, Shelf

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
    fence: int | None = None
    is_holder: bool = True
    """Of the session, and whether it was ours, when we last asked; unlike `opened` this
    outlives a doubt."""
    directory: Path | None = None
    """Where it was seen last."""
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
        self.shelf = Shelf(directory)
        self._by_life: dict[tuple[SessionId, RootIdentity], Memory] = {}

    def of(self, session: SessionId, identity: RootIdentity) -> Memory:
        """Return what is remembered of a directory, from disk if need be."""
        life = (session, identity)
        if life not in self._by_life:
            file = self.shelf.index_file(session, _life(identity))
            index = indexes.load(file) or Index()
            self._by_life[life] = Memory(session, identity, file, index)
        return self._by_life[life]

    def known(self, session: SessionId, identity: RootIdentity) -> Memory | None:
        """Return what is remembered of a directory since this process began."""
        return self._by_life.get((session, identity))

    def learn(self, identity: RootIdentity, opened: Opened) -> None:
        """Take what the catalog says of where a life stands, and note it on disk."""
        memory = self.known(opened.session, identity)
        if memory is not None:
            memory.opened = opened
            memory.fence, memory.is_holder = opened.fence, opened.is_ours
        elif _life(identity) not in self.shelf.footings(opened.session):
            return  # it is no more, and nothing waits that would need it
        self.shelf.keep_footing(opened.session, _life(identity), _footing(opened))

    def taken(self, session: SessionId) -> None:
        """Ask again where all lives of a session stand: it was taken for this host."""
        for (sid, _), memory in list(self._by_life.items()):
            if sid == session:
                memory.opened = memory.fence = None

    def directories(self, session: SessionId) -> list[Path]:
        """Return where a session was seen since this process began."""
        return [
            memory.directory
            for (sid, _), memory in list(self._by_life.items())
            if sid == session and memory.directory is not None
        ]

    def expect(self, session: SessionId, identity: RootIdentity, tree: Tree) -> None:
        """Learn what is in a directory that a restore is about to show.

        Until the catalog tells the same: what is missing there is a deletion.
        """
        self.of(session, identity).keep(Index(None, tree))

    def forget(
        self, session: SessionId, device: int, inode: int, *, is_needed: bool = False
    ) -> None:
        """Drop what is remembered of a directory that is no more.

        If it is needed, because snapshots of it wait, it stays on disk until `sweep`.
        """
        for life in list(self._by_life):
            if life[0] == session and (life[1].device, life[1].inode) == (
                device,
                inode,
            ):
                del self._by_life[life]
        self.shelf.end(session, device, inode, is_needed=is_needed)

    def sweep(self, session: SessionId) -> None:
        """Drop what was only needed while something waited."""
        self.shelf.sweep(session)


def _life(identity: RootIdentity) -> Life:
    return identity.device, identity.inode, identity.birth_ns


def _footing(opened: Opened) -> Footing:
    is_heads = opened.head_seq is not None and opened.epoch == opened.head_epoch
    return Footing(
        uid=opened.root.uid,
        has_head=opened.head_seq is not None,
        is_heads=is_heads,
        is_restored=opened.base_seq is not None,
        ends_at_head=is_heads and opened.tip_seq == opened.head_seq,
    )
