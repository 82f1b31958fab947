"""Makes a version of what is kept already: no directory is read, no contents travel.

What goes to the bucket is one small pack with the list of files. It takes the way of
every snapshot: an intent that protects the contents it counts on, the spool, the
upload, the commit. So it is there as a whole or not at all, and comes back with a
rebuild.
"""

import datetime
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.catalog.base import Catalog
from expokeep.catalog.values import Host, Opened, PackRecord, RootOwner
from expokeep.crash import point
from expokeep.errors import Busy, ExpokeepError, IntegrityError, NotFound, UsageError
from expokeep.fork.under_way import UnderWay
from expokeep.fork.values import SessionExists, Wish
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.guard import is_whole
from expokeep.model.names import SessionId
from expokeep.model.tree import (
    Delta,
    Tree,
    file_count,
    files_in,
    size_bytes,
    tree_digest,
    validate,
)
from expokeep.model.version import Selector, Version, VersionRef
from expokeep.pack.format import Manifest, SnapRecord
from expokeep.pack.key import PackName, pack_key
from expokeep.pack.writer import PackWriter
from expokeep.spool.spool import Note, Spool, SpooledPack, SpoolEntry

log = get(__name__)

Record = Callable[[SpoolEntry], Version]
"""Uploads and records what is sealed, and returns what it became."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where packs go, and how they are written."""

    scope: str
    key_prefix: str
    zstd_level: int
    fsync: bool


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a version is to be: the wish, and all that it leaves to its origin."""

    wish: Wish
    tree: Tree
    root: RootOwner
    project_name: str | None
    at: datetime.datetime

    @property
    def digests(self) -> frozenset[Digest]:
        """The contents that it counts on."""
        return frozenset(entry.digest for _, entry in files_in(self.tree))


@dataclass(frozen=True, slots=True)
class Forker:
    """Fulfils wishes. Safe from any thread."""

    catalog: Catalog
    spool: Spool
    host: Host
    site: Site
    record: Record
    now: Callable[[], datetime.datetime]
    under_way: UnderWay = field(default_factory=UnderWay)
    """Of this process: two that make the same draft would be in each other's way."""

    def fork(self, wish: Wish) -> Version:
        """Make a version, and return once it is recorded.

        A wish that was fulfilled already, by its `pack`, returns the same version.

        Raises:
            NotFound: the origin is not kept any more.
            SessionExists: a new session's name is taken.
            QuotaExceeded: its owner may have no more builds, or none so big.
            Held: another host that is alive holds the session that is to go back.
            IntegrityError: contents of it are missing or damaged.
            Busy: another wish for the session is under way, or it was sealed and waits.
            Withdrawn: a sweep or another session was faster. Nothing of it is recorded.
            BackendUnreachable, Busy, ...: if it was sealed, it is recorded as soon as
                that is possible; the same wish tells.
        """
        if (made := self._made(wish)) is not None:
            return made
        with self.under_way.alone(wish.session, wish.pack):
            entry = self._pending(wish) or self._begin(wish)
        return self.record(entry)

    def _begin(self, wish: Wish) -> SpoolEntry:
        """Seal what is wished for."""
        subject = self._subject(wish)
        opened = self._begun(subject) if wish.is_first else self._back(subject)
        try:
            entry = self._sealed(subject, opened)
        except ExpokeepError:
            if wish.is_first:
                self.catalog.abandon(wish.session)
            raise
        log.info("fork sealed", session=wish.session, trigger=wish.trigger)
        return entry

    def _made(self, wish: Wish) -> Version | None:
        version = self.catalog.trace([wish.pack]).version
        if version is not None:
            if version.session != wish.session:
                raise UsageError("another wish has this id; leave it out")
            return version
        entry = self._pending(wish)
        return None if entry is None else self.record(entry)

    def _pending(self, wish: Wish) -> SpoolEntry | None:
        pending = self.spool.pending(wish.session)
        return next((one for one in pending if one.pack == wish.pack), None)

    def _subject(self, wish: Wish) -> _Subject:
        tree, root, name = wish.tree, wish.root, wish.project_name
        if wish.origin is not None and (tree is None or root is None):
            ref = VersionRef(wish.origin.session, Selector(seq=wish.origin.seq))
            kept = self.catalog.kept(_exactly(self.catalog.resolve(ref), ref))
            tree = kept.tree if tree is None else tree
            root = kept.root if root is None else root
        if tree is None or root is None:
            raise ValueError("a wish names an origin, or a tree and a root")
        if wish.origin is not None and name is None:
            row = self.catalog.session(wish.origin.session, deleted_too=True)
            name = row.project_name if row else None
        validate(tree)
        subject = _Subject(wish, tree, root, name, self.now())
        # Most often what is missing is missing now, and then nothing need be begun.
        self._require(subject, self.catalog.places(subject.digests).keys())
        return subject

    def _begun(self, subject: _Subject) -> Opened:
        """Open a new session.

        What an earlier attempt left of it, of the same owner and with nothing in it, is
        taken over: it was killed before there was anything to record.
        """
        wish, root = subject.wish, subject.root
        self.catalog.require_room(
            wish.session, wish.owner, size_bytes=size_bytes(subject.tree)
        )
        row = self.catalog.session(wish.session, deleted_too=True)
        if row is not None and (
            row.last_seq > 0
            or row.host_id not in (None, self.host.id)
            or (row.owner, row.root_uid) != (wish.owner, root.uid)
        ):
            raise _exists(wish.session)
        if self.spool.pending(wish.session):
            raise _exists(wish.session)
        opened = self.catalog.open_session(
            wish.session, wish.identity, root, self.host, owner=wish.owner
        )
        if opened.last_seq > 0 or not opened.is_ours or opened.owner != wish.owner:
            raise _exists(wish.session)
        return opened

    def _back(self, subject: _Subject) -> Opened:
        """Open a life of a session that goes out from its head."""
        wish = subject.wish
        if self.spool.pending(wish.session):
            raise Busy(f"snapshots of {wish.session} wait to be recorded")
        head = self.catalog.resolve(VersionRef(wish.session))
        if head.session != wish.session:
            raise NotFound(f"no session {wish.session} is kept")
        self.catalog.register_restored(
            wish.session, wish.identity, self.host, seq=head.seq, force=wish.force
        )
        return self.catalog.open_session(
            wish.session, wish.identity, subject.root, self.host
        )

    def _sealed(self, subject: _Subject, opened: Opened) -> SpoolEntry:
        pack, session = subject.wish.pack, subject.wish.session
        name = PackName(self.site.scope, session, opened.last_seq + 1, 0, pack)
        record = PackRecord(pack, pack_key(name, self.site.key_prefix), "base", 0, 0)
        self._require(subject, self.catalog.begin(opened, (record,), subject.digests))
        point("after-fork-begin")
        with self.spool.draft(session, pack) as draft:
            packed = self._packed(subject, opened, record, draft)
            entry = self.spool.seal(draft, self._note(subject, opened, packed))
        point("after-fork-seal")
        return entry

    def _packed(
        self, subject: _Subject, opened: Opened, record: PackRecord, draft: Path
    ) -> SpooledPack:
        with PackWriter(draft, self.site.zstd_level) as writer:
            made = writer.finish(
                Manifest(
                    pack=record.id,
                    kind=record.kind,
                    level=record.level,
                    scope=self.site.scope,
                    session=opened.session,
                    epoch=opened.epoch,
                    created=subject.at,
                    snaps=(_snap(subject, opened),),
                ),
                fsync=self.site.fsync,
            )
        return SpooledPack(
            id=record.id,
            file_name=made.path.name,
            key=record.key,
            kind=record.kind,
            level=record.level,
            size_bytes=made.size_bytes,
            sha256=Digest(made.sha256),
        )

    def _note(self, subject: _Subject, opened: Opened, packed: SpooledPack) -> Note:
        wish, identity = subject.wish, subject.wish.identity
        return Note(
            session=wish.session,
            device=identity.device,
            inode=identity.inode,
            birth_ns=identity.birth_ns,
            root_uid=opened.root.uid,
            root_gid=opened.root.gid,
            root_mode=opened.root.mode,
            parent_pack=None,
            taken_at=subject.at,
            trigger=wish.trigger,
            packs=(packed,),
            reused=tuple(sorted(subject.digests)),
            message=wish.message,
            author=wish.author,
            owner=wish.owner,
            project_name=subject.project_name,
            is_whole=is_whole(subject.tree),
            # A person chose what it has: there is nothing to look at before it is head.
            is_edited=True,
            is_forced=True,
            fence=opened.fence,
            is_holder=opened.is_ours,
            is_fork=True,
            is_first=wish.is_first,
            origin=wish.origin,
        )

    def _require(self, subject: _Subject, kept: Collection[Digest]) -> None:
        missing = subject.digests.difference(kept)
        if missing:
            raise IntegrityError(
                f"{len(missing)} contents of what {subject.wish.session} is to be made "
                "of are missing or damaged"
            )


def _snap(subject: _Subject, opened: Opened) -> SnapRecord:
    return SnapRecord(
        seq=opened.last_seq + 1,
        parent=opened.base_seq,
        at=subject.at,
        full=True,
        tree=tree_digest(subject.tree),
        file_count=file_count(subject.tree),
        size_bytes=size_bytes(subject.tree),
        delta=Delta(dict(subject.tree), frozenset()),
    )


def _exactly(version: Version, ref: VersionRef) -> Version:
    """Return a version if it is of the session that was named, by its whole name."""
    if version.session != ref.session:
        raise NotFound(f"no session {ref.session} is kept")
    return version


def _exists(session: SessionId) -> SessionExists:
    return SessionExists(f"there is a session {session} already")
