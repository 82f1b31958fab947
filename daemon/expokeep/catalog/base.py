"""What the rest of the house asks of a catalog, and the values that it answers with.

No SQL and no driver here: those are behind `postgres.py`.
"""

import datetime
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from expokeep.errors import Busy, ExpokeepError
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Delta, Entry
from expokeep.model.version import Trigger, Version, VersionRef

PackKind = Literal["base", "incr", "merge", "big"]


class BaseMoved(ExpokeepError):
    """The chain of an epoch no longer ends where this snapshot took it to end."""

    transient = True


class SeqTaken(ExpokeepError):
    """Another version took the number in the meantime; `last_seq` is the newest."""

    transient = True

    def __init__(self, last_seq: int) -> None:
        super().__init__(f"version {last_seq} was recorded in the meantime")
        self.last_seq = last_seq


class Fenced(Busy):
    """The session belongs to another host now."""


class PackGone(ExpokeepError):
    """The intent of a pack was doomed before its commit: upload it under a new name."""

    transient = True


class ReuseGone(ExpokeepError):
    """Contents that a pack relies on are no longer kept: pack them again."""

    transient = True


@dataclass(frozen=True, slots=True)
class RootIdentity:
    """One life of a directory on this host: what tells epochs apart."""

    device: int
    inode: int
    birth_ns: int
    """Zero where the file system does not know it."""


@dataclass(frozen=True, slots=True)
class RootOwner:
    """Whose the directory of a session is, and its mode. Kept per session."""

    uid: int
    gid: int
    mode: int


@dataclass(frozen=True, slots=True)
class Host:
    """This host: a random id from its state directory, and a name for people."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Where a session and the epoch of a directory stand."""

    session: SessionId
    fence: int
    last_seq: int
    epoch: int
    tip_seq: int | None
    """The newest version of this epoch's chain."""
    tip_pack: uuid.UUID | None
    base_seq: int | None
    """The version that the directory was restored from, if it was."""
    head_seq: int | None
    head_epoch: int | None
    owner: str | None
    project_name: str | None
    root: RootOwner


@dataclass(frozen=True, slots=True)
class PackRecord:
    """A pack: an intent while `size_bytes` is not certain to be in the bucket."""

    id: uuid.UUID
    key: str
    kind: PackKind
    level: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where some contents are: a part of a frame of an object."""

    digest: Digest
    size_bytes: int
    pack: uuid.UUID
    key: str
    frame_offset: int
    """Of the compressed frame in the object."""
    frame_length: int
    frame_raw_length: int
    offset: int
    """Of the contents in the frame once it is decompressed."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """All that one commit writes."""

    session: SessionId
    fence: int
    seq: int
    epoch: int
    parent_pack: uuid.UUID | None
    """The pack of the version that `delta` starts from; None starts the epoch's chain,
    and then `delta` is the whole tree."""
    taken_at: datetime.datetime
    trigger: Trigger
    tree: Digest
    file_count: int
    size_bytes: int
    delta: Delta
    packs: tuple[PackRecord, ...]
    """The version's own pack first; then the big files that went with it."""
    places: tuple[Place, ...]
    """What these packs hold."""
    reused: frozenset[Digest]
    moves_head: bool
    message: str | None = None
    author: str | None = None
    parked: str | None = None
    project_name: str | None = None
    root: RootOwner | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A version in full: its tree, and where the contents of each file are."""

    version: Version
    tree: Mapping[bytes, Entry]
    places: Mapping[Digest, Place]
    root: RootOwner


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as lists show it."""

    session: SessionId
    owner: str | None
    project_name: str | None
    host: str | None
    last_seq: int
    head_seq: int | None
    file_count: int
    size_bytes: int
    created_at: datetime.datetime
    saved_at: datetime.datetime | None
    """When the head was taken."""
    accessed_at: datetime.datetime
    parked_count: int
    root_uid: int
    """Whose the directory was when the session was first seen."""


@dataclass(frozen=True, slots=True)
class Found:
    """A path, and the versions from `first_seq` up to `last_seq` that had it so."""

    session: SessionId
    path: bytes
    entry: Entry
    epoch: int
    first_seq: int
    last_seq: int | None
    """None: it still is so at the end of the chain."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The schema in Postgres beside the one that this program was written for."""

    found: int
    known: int
    pending: tuple[str, ...]
    """Names of migrations that are not applied yet."""


class Catalog(Protocol):
    """Everything that is asked of Postgres.

    Each method is one short transaction that is retried when it is safe to do so. All
    raise `BackendUnreachable` when there is no answer in time, and `AccessDenied` when
    the database turns us away.
    """

    def open_session(
        self,
        session: SessionId,
        identity: RootIdentity,
        root: RootOwner,
        host: Host,
        *,
        owner: str | None = None,
    ) -> Opened:
        """Make the session and the epoch known, and take the session for `host`.

        Raises:
            Busy: another host holds the session and its lease has not run out.
        """
        ...

    def begin(
        self,
        opened: Opened,
        packs: Sequence[PackRecord],
        wanted: Collection[Digest],
    ) -> frozenset[Digest]:
        """Record the intents of packs; return which of `wanted` is kept already.

        What is returned counts as reused by the first pack, and stays. May be called
        again for more of `wanted`, and again after a restart.

        Raises:
            Fenced: the session has gone to another host.
        """
        ...

    def commit(self, new: NewVersion) -> Version:
        """Make a version visible. Its objects are durable; this is the only way in.

        Safe to repeat: a pack that has its version already returns that version.

        Raises:
            Fenced, SeqTaken, BaseMoved, PackGone, ReuseGone: nothing was written.
        """
        ...

    def register_restored(
        self,
        session: SessionId,
        identity: RootIdentity,
        host: Host,
        *,
        seq: int,
    ) -> None:
        """Tell that a directory was made by restoring version `seq` into it."""
        ...

    def resolve(self, ref: VersionRef) -> Version:
        """Return the version that is meant; a session may be named by a unique prefix.

        Raises:
            NotFound: there is none.
            UsageError: the prefix fits several sessions; the message lists some.
        """
        ...

    def kept(self, version: Version) -> Kept:
        """Return a version in full, from one consistent read."""
        ...

    def tree(self, version: Version) -> dict[bytes, Entry]:
        """Return only the tree of a version."""
        ...

    def places(self, digests: Collection[Digest]) -> dict[Digest, Place]:
        """Return where contents are now; what is not kept is left out."""
        ...

    def versions(
        self,
        session: SessionId,
        *,
        since: datetime.datetime | None = None,
        limit: int = 1000,
    ) -> list[Version]:
        """Return the versions of a session, newest first."""
        ...

    def sessions(
        self, *, owner: str | None = None, prefix: str = "", limit: int = 1000
    ) -> list[SessionRow]:
        """Return sessions by their newest access, newest first."""
        ...

    def session(self, session: SessionId) -> SessionRow | None:
        """Return one session, or None if nothing was ever kept of it."""
        ...

    def find(self, glob: bytes, sessions: Sequence[SessionId] = ()) -> Iterator[Found]:
        """Yield every path that ever matched, in these sessions or in all."""
        ...

    def describe(
        self,
        session: SessionId,
        *,
        owner: str | None = None,
        project_name: str | None = None,
    ) -> None:
        """Set what a person says of a session; None leaves a value as it is."""
        ...

    def touch(self, session: SessionId, *, at: datetime.datetime) -> None:
        """Note that a session was used: retention counts from here."""
        ...

    def heartbeat(self, host: Host, *, lease_s: float) -> None:
        """Keep the lease of this host alive, by the clock of Postgres."""
        ...

    def server_time(self) -> datetime.datetime:
        """Return the clock of Postgres, to compare ours with."""
        ...

    def schema_status(self) -> SchemaStatus:
        """Return which schema is there and which we know."""
        ...

    def migrate(self, *, dry_run: bool = False) -> tuple[str, ...]:
        """Apply what is pending, under a lock; return the names of it."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
