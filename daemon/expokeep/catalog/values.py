"""The values that a catalog is asked with and answers with, and how it says no.

No SQL and no driver here: those are behind `postgres.py`.
"""

import datetime
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from expokeep.errors import Busy, ExpokeepError
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Delta, Entry
from expokeep.model.version import Origin, Trigger, Version

PackKind = Literal["base", "incr", "merge", "big"]

UNKNOWN_UID = 2**32 - 1
"""Whose a session is that was rebuilt without a fact about it: the owner's of the next
directory under its name. No user has this number, and no file is given to it."""
PackState = Literal["uploading", "live", "retired", "doomed"]


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


class Held(Busy):
    """Another host holds the session, and is alive."""

    hint = (
        "`--force` takes the session over: what that host still records is kept "
        "beside the newest version."
    )

    def __init__(self, session: SessionId, holder: str) -> None:
        super().__init__(f"host {holder} holds session {session}")
        self.holder = holder


class PackGone(ExpokeepError):
    """The intent of a pack was doomed before its commit: upload it under a new name."""

    transient = True


class ReuseGone(ExpokeepError):
    """Contents that a pack relies on are no longer kept: pack them again."""

    transient = True

    def __init__(self, missing: Collection[Digest]) -> None:
        some = Digest(min(missing)).hex()
        super().__init__(
            f"{len(missing)} contents are no longer kept, among them {some}"
        )
        self.missing = frozenset(missing)


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
class Holder:
    """The host that a session belongs to."""

    id: uuid.UUID
    name: str
    alive: bool
    """Whether its lease still runs, by the clock of Postgres; we are alive: we ask."""


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
    host: uuid.UUID
    """On which the directory is."""
    holder: Holder | None
    """Whose the right is to move the head; None: it was never anybody's."""
    was_ours: bool
    """Something of this epoch became head once, and the session is another's now."""

    @property
    def is_ours(self) -> bool:
        """Whether the host of the directory holds the session."""
        return self.holder is not None and self.holder.id == self.host


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
    """Heeded where the head moves: what is kept beside needs nobody's leave."""
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
    """Both are the session's from now on, if this becomes its head."""
    described: tuple[tuple[Digest, bytes], ...] = ()
    """What an app.json or a package.json says, as JSON, by its digest."""
    retracts: tuple[uuid.UUID, ...] = ()
    """Packs of versions to park if this one becomes head: they show a project in the
    middle of its removal."""
    origin: Origin | None = None
    """Where what it has came from, if not from a directory."""
    sent_at: datetime.datetime | None = None
    """What the sender takes the time to be: by so much `taken_at` may be off."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the catalog knows of packs that were meant for one version."""

    version: Version | None
    """Made already, with the first of them."""
    states: Mapping[uuid.UUID, PackState]
    """Of those that have a row."""


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
    host_id: uuid.UUID | None
    host_is_alive: bool
    """Whether the lease of the host that holds the session runs."""


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
class HeldElsewhere:
    """Snapshots that another host holds and could not record yet, by its own word."""

    session: SessionId
    host: str
    entries: int
    since: datetime.datetime
    is_alive: bool
    """Whether that host's lease still runs."""


@dataclass(frozen=True, slots=True)
class Around:
    """What somebody should know who takes a version for the newest."""

    parked_newer: int
    """Versions with a higher number that are parked."""
    ended_at: datetime.datetime | None
    """When its directory was removed, if that was seen and nothing came after it."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The schema in Postgres beside the one that this program was written for."""

    found: int
    known: int
    pending: tuple[str, ...]
    """Names of migrations that are not applied yet."""
