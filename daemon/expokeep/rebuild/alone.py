"""The bucket alone, read as a catalog: for a restore while there is no Postgres.

Each session is put together in memory when it is first asked for, by the same rules as
a rebuild, from the heads of its own packs and all facts. Where a version needs contents
that another session stored, the heads of the others are read until they are found.
"""

import datetime
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from expokeep.catalog.caring import WasDeleted
from expokeep.catalog.revival import Revival, Revived, Standing
from expokeep.catalog.values import (
    UNKNOWN_UID,
    Kept,
    Place,
    RootOwner,
    SessionRow,
)
from expokeep.errors import IntegrityError, NotFound, UsageError
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry, files_in, patch
from expokeep.model.version import Version, VersionRef
from expokeep.pack.facts import FACTS, Fact, is_facts_key
from expokeep.pack.format import Manifest
from expokeep.pack.reader import manifest_from_head
from expokeep.rebuild.choosing import chosen
from expokeep.rebuild.heads import Listed, listed, read_head
from expokeep.rebuild.heard import facts_in
from expokeep.rebuild.places import places_of, record_of
from expokeep.rebuild.session import Evidence, planned
from expokeep.store.base import ObjectInfo, Store

log = get(__name__)

_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Alone:
    """One session, as the bucket tells it."""

    revival: Revival
    versions: tuple[Version, ...]
    unread: tuple[str, ...] = ()
    """Why packs of the session could not be read, one reason each."""

    @property
    def root(self) -> RootOwner:
        """Whose the session is."""
        state = self.revival.state
        return state.root if state else RootOwner(UNKNOWN_UID, UNKNOWN_UID, 0o700)

    @property
    def labels(self) -> dict[str, int]:
        """The version that each label means."""
        return {name: seq for name, (seq, _) in self.revival.labels.items()}

    @property
    def head(self) -> Version | None:
        """The version that is head."""
        heads = [one for one in self.versions if one.seq == self.revival.head_seq]
        return heads[0] if heads else None

    def require_read(self, session: SessionId) -> None:
        """Check that nothing is missing because it is damaged: that is no "not kept".

        Raises:
            IntegrityError: some packs of the session could not be read.
        """
        if self.unread:
            many = f"{len(self.unread)} packs of session {session}"
            raise IntegrityError(f"{many} cannot be read: {self.unread[0]}")

    def tree(self, version: Version) -> dict[bytes, Entry]:
        """Return the tree of a version."""
        tree: dict[bytes, Entry] = {}
        for one in self.revival.versions:
            if one.epoch == version.epoch and one.seq <= version.seq:
                tree = patch(tree, one.shape.delta)
        return tree


@dataclass(slots=True)
class BucketCatalog:
    """Answers what reading asks of a catalog (`catalog.base.Catalog`), and no more."""

    store: Store
    prefix: str
    scope: str
    limits: Limits
    executor: Executor
    _sessions: dict[SessionId, Alone] = field(default_factory=dict)
    _places: dict[Digest, Place] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)
    _unread: dict[str, str] = field(default_factory=dict)
    """Why the pack at a key could not be read."""
    _facts: list[Fact] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def resolve(self, ref: VersionRef) -> Version:
        """Return the version that is meant."""
        alone = self._alone(ref.session)
        found = chosen(alone.versions, alone.head, alone.labels, ref.selector)
        if found is None:
            alone.require_read(ref.session)
            raise NotFound(f"the bucket tells no such version of {ref.session}")
        return found

    def kept(self, version: Version) -> Kept:
        """Return a version in full."""
        alone = self._alone(version.session)
        tree = alone.tree(version)
        places = self.places({file.digest for _, file in files_in(tree)})
        return Kept(version, tree, places, alone.root)

    def tree(self, version: Version) -> dict[bytes, Entry]:
        """Return only the tree of a version."""
        return self._alone(version.session).tree(version)

    def places(self, digests: Collection[Digest]) -> dict[Digest, Place]:
        """Return where contents are; what is nowhere is left out."""
        wanted = set(digests)
        with self._lock:
            if not wanted <= self._places.keys():
                self._search(wanted)
            return {one: self._places[one] for one in wanted if one in self._places}

    def versions(
        self,
        session: SessionId,
        *,
        since: datetime.datetime | None = None,
        limit: int = 1000,
    ) -> list[Version]:
        """Return the versions of a session, newest first."""
        found = [
            one
            for one in reversed(self._alone(session).versions)
            if since is None or one.taken_at >= since
        ]
        return found[:limit]

    def session(
        self, session: SessionId, *, deleted_too: bool = False
    ) -> SessionRow | None:
        """Return one session, or None if the bucket tells nothing of it."""
        try:
            alone = self._alone(session)
        except NotFound as error:
            if deleted_too or not isinstance(error, WasDeleted):
                return None
            raise
        state, head, now = alone.revival.state, alone.head, alone.versions[-1].taken_at
        return SessionRow(
            session=session,
            owner=state.owner if state else None,
            project_name=state.project_name if state else None,
            host=None,
            last_seq=alone.revival.last_seq,
            head_seq=alone.revival.head_seq,
            file_count=head.file_count if head else 0,
            size_bytes=head.size_bytes if head else 0,
            created_at=state.created_at if state else now,
            saved_at=head.taken_at if head else None,
            accessed_at=now,
            parked_count=sum(one.parked is not None for one in alone.versions),
            root_uid=alone.root.uid,
            host_id=None,
            host_is_alive=False,
        )

    def sessions(self, **_wish: object) -> list[SessionRow]:
        """Refuse: all of the bucket would have to be read for it.

        Raises:
            UsageError: always.
        """
        error = UsageError(
            "the bucket alone tells of one session that is named in full"
        )
        error.hint = "`expokeep rebuild --from-bucket --dry-run` reads all of it."
        raise error

    def find(self, glob: bytes, sessions: Sequence[SessionId] = ()) -> Iterator[object]:
        """Refuse, as `sessions` does."""
        del glob, sessions
        yield from self.sessions()

    def touch(self, *_: object, **__: object) -> None:
        """Do nothing: there is nobody to tell."""

    def register_restored(self, *_: object, **__: object) -> None:
        """Do nothing: there is nobody to tell."""

    def _alone(self, session: SessionId) -> Alone:
        with self._lock:
            if session not in self._sessions:
                self._sessions[session] = self._put_together(session)
            alone = self._sessions[session]
        state = alone.revival.state
        if state is not None and state.deleted_at is not None:
            raise WasDeleted(session)
        if not alone.versions:
            alone.require_read(session)
            raise NotFound(f"the bucket tells nothing of session {session}")
        return alone

    def _put_together(self, session: SessionId) -> Alone:
        place = f"{self.prefix}{self.scope}/{session}/"
        packs = list(listed(self.store.list(place), self.prefix))
        manifests = list(self._heads(packs))
        facts = [fact for fact in self._all_facts() if fact.sid == session]
        plan = planned(
            Evidence(session, facts, manifests, Standing()),
            lambda digests: self.places(digests).keys(),
            self.limits,
            None,
        )
        for doubt in plan.doubts:
            log.warning("version in doubt", session=session, reason=doubt.reason)
        versions = tuple(_version(session, one) for one in plan.revival.versions)
        unread = (self._unread[one.key] for one in packs if one.key in self._unread)
        return Alone(plan.revival, versions, tuple(unread))

    def _all_facts(self) -> list[Fact]:
        if self._facts is None:
            place = f"{self.prefix}{FACTS}"
            listed_there = self.store.list(place)
            objects = [
                one for one in listed_there if is_facts_key(one.key, self.prefix)
            ]
            parts = self.executor.map(self._facts_in, objects)
            self._facts = [fact for part in parts for fact in part]
        return self._facts

    def _facts_in(self, one: ObjectInfo) -> list[Fact]:
        try:
            return facts_in(self.store, one)
        except IntegrityError as error:
            log.warning("facts not read", key=one.key, error=str(error))
            return []

    def _search(self, wanted: Collection[Digest]) -> None:
        """Read heads of other sessions' packs until all that is wanted is found."""
        objects = self.store.list(f"{self.prefix}{self.scope}/")
        others = [
            one for one in listed(objects, self.prefix) if one.key not in self._read
        ]
        # What sessions have in common came with their first versions.
        others.sort(key=lambda one: (one.name.seq, one.name.pack))
        for start in range(0, len(others), _AHEAD):
            for _ in self._heads(others[start : start + _AHEAD]):
                pass
            if self._places.keys() >= set(wanted):
                return

    def _heads(self, packs: Sequence[Listed]) -> Iterator[Manifest]:
        """Yield what packs say of themselves, and learn what they hold."""

        def one(pack: Listed) -> Manifest | None:
            try:
                return manifest_from_head(read_head(self.store, pack))
            except IntegrityError as error:
                log.warning("pack not read", key=pack.key, error=str(error))
                self._unread[pack.key] = str(error)
                return None  # what it holds counts as missing

        for pack, manifest in zip(packs, self.executor.map(one, packs), strict=True):
            self._read.add(pack.key)
            if manifest is not None:
                for place in places_of(record_of(pack, manifest), manifest):
                    self._places.setdefault(place.digest, place)
                yield manifest


def _version(session: SessionId, one: Revived) -> Version:
    return Version(
        session=session,
        seq=one.seq,
        epoch=one.epoch,
        parent=one.parent_seq,
        taken_at=one.taken_at,
        trigger=one.trigger,
        tree=one.shape.tree,
        file_count=one.shape.file_count,
        size_bytes=one.shape.size_bytes,
        message=one.message,
        author=one.author,
        parked=one.parked,
        pack=one.pack,
        origin_session=one.origin.session if one.origin else None,
        origin_seq=one.origin.seq if one.origin else None,
    )
