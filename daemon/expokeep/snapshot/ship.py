"""Brings an entry of the spool to the bucket and into the catalog, in that order.

Every step may be repeated, after an error or after a restart: a pack that is there is
there, and a commit knows its pack. An entry leaves the spool when its version is kept.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from expokeep.catalog.base import Catalog
from expokeep.catalog.values import (
    BaseMoved,
    Host,
    NewVersion,
    Opened,
    ReuseGone,
    RootIdentity,
    RootOwner,
    SeqTaken,
)
from expokeep.crash import point
from expokeep.errors import AccessDenied, Busy
from expokeep.log import get
from expokeep.model.guard import Limits, loss, refusal
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree, diff, patch, tree_digest
from expokeep.model.version import Selector, Version, VersionRef
from expokeep.pack.format import Manifest, SnapRecord
from expokeep.snapshot.keep import Sealed
from expokeep.snapshot.recording import life_of, manifests_of, new_version, record_of
from expokeep.spool.spool import Spool, SpooledPack, SpoolEntry
from expokeep.store.base import Store

log = get(__name__)

SEQ_TRIES = 20
"""How often another version may take our number before we wait a while."""

Progress = Callable[[SessionId, int, int], None]
"""Called with a session, the bytes sent and the bytes to send of its snapshot."""


class ForeignDirectory(AccessDenied):
    """Somebody else made a directory with the name of a session."""

    hint = "A session is its first directory's owner's, and stays that user's."


def require_own(opened: Opened, uid: int) -> None:
    """Check that a directory is of the user whose session it says it is.

    Raises:
        ForeignDirectory: it is not; nothing of it is kept under this session.
    """
    if opened.root.uid != uid:
        raise ForeignDirectory(
            f"the directory of {opened.session} is of uid {uid}, "
            f"the session of uid {opened.root.uid}"
        )


@dataclass(frozen=True, slots=True)
class Shipped:
    """A version that is kept, and where its epoch stands now."""

    version: Version
    opened: Opened


@dataclass(frozen=True, slots=True)
class Shipper:
    """Ships entries. One session's entries are shipped by one thread at a time."""

    catalog: Catalog
    store: Store
    spool: Spool
    host: Host
    progress: Progress
    guard: Limits
    executor: Executor
    """Uploads the big files of a snapshot side by side."""

    def ship(self, entry: SpoolEntry, sealed: Sealed | None = None) -> Shipped:
        """Upload and record an entry.

        Args:
            entry: the oldest of its session.
            sealed: what the one who sealed it still knew, if it was this process.

        Raises:
            BackendUnreachable, AccessDenied, ...: the entry stays as it is.
        """
        manifests = sealed.manifests if sealed else manifests_of(entry)
        opened = sealed.standing if sealed else None
        if opened is None:
            opened = self._begin(entry)
        self._upload(entry)
        point("after-put")
        shipped = self._commit(entry, manifests, opened)
        point("after-commit")
        self.spool.drop(entry)
        return shipped

    def _begin(self, entry: SpoolEntry) -> Opened:
        note = entry.note
        opened = self.catalog.open_session(
            note.session,
            RootIdentity(note.device, note.inode, note.birth_ns),
            RootOwner(note.root_uid, note.root_gid, note.root_mode),
            self.host,
            owner=note.owner,
        )
        require_own(opened, note.root_uid)
        records = [record_of(pack) for pack in note.packs]
        kept = self.catalog.begin(opened, records, note.reused)
        if missing := set(note.reused) - kept:
            raise ReuseGone(f"{len(missing)} contents that were kept are gone")
        return opened

    def _upload(self, entry: SpoolEntry) -> None:
        total = sum(pack.size_bytes for pack in entry.note.packs)
        sent, adding = 0, threading.Lock()

        def tell(count: int) -> None:
            nonlocal sent
            with adding:
                sent += count
                self.progress(entry.note.session, sent, total)

        def put(pack: SpooledPack) -> None:
            path = entry.path_of(pack)
            self.store.put_file(pack.key, path, sha256=pack.sha256, progress=tell)

        own, *big = entry.note.packs
        # The big ones first: when the snapshot's own pack is there, all of it is.
        deque(self.executor.map(put, big), maxlen=0)
        put(own)

    def _commit(
        self, entry: SpoolEntry, manifests: Sequence[Manifest], opened: Opened
    ) -> Shipped:
        new, opened = self._judged(entry, manifests, opened)
        for _ in range(SEQ_TRIES):
            try:
                version = self.catalog.commit(new)
                return Shipped(version, _moved_on(opened, version))
            except SeqTaken:
                # Not only the number: the head may be another directory's by now.
                new, opened = self._judged(entry, manifests, self._begin(entry))
            except BaseMoved:
                tree = self._tree(new, manifests[0].snaps[0])
                if tree is None or opened.tip_pack is None:
                    raise
                new = self._rebased(new, tree, opened)
        raise Busy(f"session {new.session} is written to by too many at once")

    def _judged(
        self, entry: SpoolEntry, manifests: Sequence[Manifest], opened: Opened
    ) -> tuple[NewVersion, Opened]:
        """Return what is to be recorded, as head or parked, and what that stands on."""
        if self._doubt(entry, manifests, opened) is not None:
            # What it is measured by may have been accepted since we asked.
            opened = self._begin(entry)
        doubt = self._doubt(entry, manifests, opened)
        return new_version(entry, manifests, opened, doubt), opened

    def _doubt(
        self, entry: SpoolEntry, manifests: Sequence[Manifest], opened: Opened
    ) -> str | None:
        """Return why a version should not become head by itself, if it should not."""
        note, head_seq = entry.note, opened.head_seq
        if note.is_forced:
            return None
        if (refused := refusal(life_of(note, opened)) or note.loss) is not None:
            return refused
        if head_seq in (None, opened.tip_seq) or opened.epoch != opened.head_epoch:
            return None
        # The one before it is parked. So is this one, unless what was lost is back.
        head = VersionRef(note.session, Selector(seq=head_seq))
        before = self.catalog.tree(self.catalog.resolve(head))
        new = new_version(entry, manifests, opened, None)
        after = self._tree(new, manifests[0].snaps[0])
        return None if after is None else loss(before, after, self.guard)

    def _tree(self, new: NewVersion, snap: SnapRecord) -> Tree | None:
        """Return the whole tree of a snapshot, if what it goes out from is kept."""
        if snap.full:
            return snap.delta.set
        known = self.catalog.versions(new.session)
        bases = [one for one in known if one.pack == new.parent_pack]
        tree = patch(self.catalog.tree(bases[0]), snap.delta) if bases else {}
        return tree if tree_digest(tree) == snap.tree else None

    def _rebased(self, new: NewVersion, tree: Tree, opened: Opened) -> NewVersion:
        """Continue a chain that went on without our knowing."""
        tip = self.catalog.resolve(
            VersionRef(new.session, Selector(seq=opened.tip_seq))
        )
        log.info("chain continued", session=new.session, after=tip.seq)
        delta = diff(self.catalog.tree(tip), tree)
        return replace(new, parent_pack=tip.pack, delta=delta)


def _moved_on(opened: Opened, version: Version) -> Opened:
    is_head = version.parked is None
    return replace(
        opened,
        last_seq=version.seq,
        tip_seq=version.seq,
        tip_pack=version.pack,
        head_seq=version.seq if is_head else opened.head_seq,
        head_epoch=version.epoch if is_head else opened.head_epoch,
    )
