"""Brings an entry of the spool to the bucket and into the catalog, in that order.

Every step may be repeated, after an error or after a restart: a pack that is there is
there, and a commit knows its pack. An entry leaves the spool when its version is kept.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from expokeep.catalog.base import Catalog
from expokeep.catalog.values import (
    UNKNOWN_UID,
    BaseMoved,
    Fenced,
    Host,
    Opened,
    PackGone,
    ReuseGone,
    RootIdentity,
    RootOwner,
    SeqTaken,
    Trace,
)
from expokeep.crash import point
from expokeep.errors import AccessDenied, Busy, ExpokeepError, NoSpace, QuotaExceeded
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.quota import OVER
from expokeep.model.tree import files_in
from expokeep.model.version import MADE, Version
from expokeep.snapshot.judging import Cargo, Judge
from expokeep.snapshot.keep import Sealed
from expokeep.snapshot.recording import manifests_of, record_of
from expokeep.snapshot.remains import Remains
from expokeep.spool.spool import Note, Spool, SpooledPack, SpoolEntry, SpoolFailing
from expokeep.store.base import Store

log = get(__name__)

SEQ_TRIES = 20
"""How often another version may take our number before we wait a while."""
MEND_TRIES = 4
"""How often a sweep may take what an entry needs before we wait a while."""

Progress = Callable[[SessionId, int, int], None]
"""Called with a session, the bytes sent and the bytes to send of its snapshot."""


class ForeignDirectory(AccessDenied):
    """Somebody else made a directory with the name of a session."""

    hint = "A session is its first directory's owner's, and stays that user's."


class Withdrawn(ExpokeepError):
    """A version that was to be made of what is kept cannot be made any more.

    Nothing of it was recorded, and nothing is lost: what it was to be made of is where
    it was, or was forgotten.
    """

    exit_code = 4
    hint = "`expokeep log SID` shows what is still kept; begin again with one of those."


Refused = ForeignDirectory | Withdrawn | QuotaExceeded
"""Why something that is in the spool never becomes a version."""


def require_own(opened: Opened, uid: int) -> None:
    """Check that a directory is of the user whose session it says it is.

    Raises:
        ForeignDirectory: it is not; nothing of it is kept under this session.
    """
    if opened.root.uid not in (uid, UNKNOWN_UID):
        raise ForeignDirectory(
            f"the directory of {opened.session} is of uid {uid}, "
            f"the session of uid {opened.root.uid}"
        )


def require_first(note: Note, opened: Opened) -> None:
    """Check that what is to begin a session does.

    Raises:
        Withdrawn: somebody else began it.
    """
    if note.is_first and opened.last_seq > 0:
        taken = Withdrawn(f"there is a session {note.session} already")
        taken.hint = "Name another one, or none: then it gets an id of its own."
        raise taken


def gone_from(note: Note) -> Withdrawn:
    """Return the error that what a version was to be made of was swept meanwhile."""
    origin = note.origin
    what = f"{origin.session}@{origin.seq}" if origin else "what it is made of"
    return Withdrawn(f"the contents of {what} are no longer kept")


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
    judge: Judge
    remains: Remains
    executor: Executor
    """Uploads the big files of a snapshot side by side."""

    def ship(self, entry: SpoolEntry, sealed: Sealed | None = None) -> Shipped:
        """Upload and record an entry.

        Args:
            entry: the oldest of its session; the caller holds it.
            sealed: what the one who sealed it still knew, if it was this process.

        Raises:
            ChainLost: it cannot be a version before another one is found again.
            ForeignDirectory, Withdrawn, QuotaExceeded: it never can; the caller throws
                it away.
            BackendUnreachable, AccessDenied, ...: the entry stays as it is.
        """
        if sealed is not None and sealed.standing is not None:
            cargo, opened = Cargo(entry, sealed.manifests), sealed.standing
        else:
            opened = self._open(entry.note)
            trace = self.catalog.trace([pack.id for pack in entry.note.packs])
            if trace.version is not None:
                # The answer to its commit was lost.
                self.spool.drop(entry)
                return Shipped(trace.version, opened)
            require_first(entry.note, opened)
            entry = self._renamed(entry, trace, is_new=sealed is not None)
            cargo = self._begun(entry, opened)
        for _ in range(MEND_TRIES):
            try:
                return self._sent(cargo, opened)
            except (PackGone, ReuseGone) as error:
                log.warning("snapshot mended", session=opened.session, why=str(error))
                opened = self._open(entry.note)
                cargo = self._mended(cargo, opened, error)
        raise Busy(f"what session {opened.session} needs is swept again and again")

    def _sent(self, cargo: Cargo, opened: Opened) -> Shipped:
        """Upload and record what has its intents."""
        self.judge.require_tree(cargo, opened)
        self._upload(cargo.entry)
        point("after-put")
        shipped = self._committed(cargo, opened)
        point("after-commit")
        self.spool.drop(cargo.entry)
        return shipped

    def _open(self, note: Note) -> Opened:
        opened = self.catalog.open_session(
            note.session,
            RootIdentity(note.device, note.inode, note.birth_ns),
            RootOwner(note.root_uid, note.root_gid, note.root_mode),
            self.host,
            owner=note.owner,
        )
        require_own(opened, note.root_uid)
        return opened

    def _renamed(self, entry: SpoolEntry, trace: Trace, *, is_new: bool) -> SpoolEntry:
        """Give packs new keys whose keys a sweep may have deleted, or may yet.

        Without a row nobody can tell; but a pack that was sealed just now (`is_new`),
        while the catalog was away, was never begun.
        """
        unsure = None if is_new else "doomed"
        packs = {pack.id for pack in entry.note.packs}
        doomed = {pack for pack in packs if trace.states.get(pack, unsure) == "doomed"}
        try:
            return self.remains.rekeyed(entry, frozenset(doomed)) if doomed else entry
        except (NoSpace, SpoolFailing):
            if "doomed" in trace.states.values():
                raise
            # Nothing but shipping makes room again; and these were hardly ever begun.
            return entry

    def _begun(self, entry: SpoolEntry, opened: Opened) -> Cargo:
        """Record the intents of an entry, and see whether it still has all it needs."""
        cargo = Cargo(entry, manifests_of(entry))
        note = entry.note
        records = [record_of(pack) for pack in note.packs]
        kept = self.catalog.begin(opened, records, note.reused)
        if missing := frozenset(note.reused) - kept:
            return self._refilled(cargo, opened, missing)
        return cargo

    def _mended(
        self, cargo: Cargo, opened: Opened, error: PackGone | ReuseGone
    ) -> Cargo:
        """Return a cargo whose commit may succeed, after what was missing in it."""
        if isinstance(error, ReuseGone):
            return self._refilled(cargo, opened, error.missing)
        trace = self.catalog.trace([pack.id for pack in cargo.note.packs])
        entry = self._renamed(cargo.entry, trace, is_new=False)
        return self._begun(entry, opened)

    def _refilled(
        self, cargo: Cargo, opened: Opened, missing: frozenset[Digest]
    ) -> Cargo:
        """Pack again what is no longer kept."""
        if cargo.note.is_fork:
            raise gone_from(cargo.note)
        tree = self.judge.tree(cargo) or cargo.manifests[0].snaps[0].delta.set
        wanted = {
            entry.digest: (path, entry)
            for path, entry in files_in(tree)
            if entry.digest in missing
        }
        entry = self.remains.refilled(cargo.entry, cargo.manifests[0], wanted)
        return self._begun(entry, opened)

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

    def _committed(self, cargo: Cargo, opened: Opened) -> Shipped:
        over: str | None = None
        for _ in range(SEQ_TRIES):
            new, opened = self.judge.judged(
                cargo, opened, lambda: self._open(cargo.note)
            )
            if over is not None:
                parked = new.parked or over
                new = replace(new, moves_head=False, parked=parked)
            try:
                version = self.catalog.commit(new)
            except QuotaExceeded as error:
                if new.trigger in MADE:
                    raise  # a person waits for it, and nothing is lost
                over = f"{OVER}{error}"
            except (SeqTaken, Fenced, BaseMoved):
                # Not only the number: head and holder may be others by now.
                opened = self._open(cargo.note)
                require_first(cargo.note, opened)
            else:
                return Shipped(version, _moved_on(opened, version))
        raise Busy(f"session {opened.session} is written to by too many at once")


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
