"""What a catalog has of a session, and what it is to have again after a rebuild."""

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from expokeep.catalog.values import RootOwner
from expokeep.model.digest import Digest
from expokeep.model.tree import Delta
from expokeep.model.version import Origin, Trigger

Life = tuple[uuid.UUID, int, int, int]
"""Host, device, inode, time of birth: one life of a directory."""
TemplateName = tuple[str, str, int]
"""A name, the owner that it is of, and the uid: what tells templates apart."""
NOBODY = uuid.UUID(int=0)
"""The host of an epoch of which nobody knows where it was."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session's row, but for its numbers."""

    owner: str | None
    project_name: str | None
    root: RootOwner
    fence: int
    host: uuid.UUID | None
    created_at: datetime.datetime
    deleted_at: datetime.datetime | None
    expired: bool


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version that the catalog has."""

    pack: uuid.UUID
    seq: int
    epoch: int
    tree: Digest
    taken_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class KnownEpoch:
    """An epoch that the catalog has."""

    number: int
    life: Life
    tip_pack: uuid.UUID | None
    base_seq: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the catalog has of a session; nothing, if it is new."""

    last_seq: int = 0
    head_seq: int | None = None
    versions: tuple[KnownVersion, ...] = ()
    epochs: tuple[KnownEpoch, ...] = ()


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """An epoch that the catalog is to have."""

    number: int
    life: Life
    base_seq: int | None
    started_at: datetime.datetime | None = None
    """None: as old as its first version."""
    ended_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a version has, and how its epoch comes to it."""

    begins: bool
    """It is the first of its epoch that is kept, and `delta` is its whole tree."""
    delta: Delta
    tree: Digest
    file_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Revived:
    """A version that the catalog is to have again."""

    pack: uuid.UUID
    told_by: uuid.UUID | None
    """Whose manifest tells it, if not its own pack's."""
    seq: int
    epoch: int
    parent_seq: int | None
    shape: Shape
    taken_at: datetime.datetime
    recorded_at: datetime.datetime | None = None
    """None: now."""
    trigger: Trigger = "adopted"
    message: str | None = None
    author: str | None = None
    parked: str | None = None
    pinned: bool = False
    pinned_at: datetime.datetime | None = None
    origin: Origin | None = None
    is_word: bool = False
    """A fact says all of it; else we decided, and it is a fact from now on."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A pack that tells a version that is forgotten: the chain goes through it."""

    pack: uuid.UUID
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Revision:
    """What may change of a version after it was recorded."""

    pack: uuid.UUID
    parked: str | None
    pinned: bool
    pinned_at: datetime.datetime | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Revival:
    """All that one session gets back, in one transaction."""

    was_last_seq: int
    """Of the session when this was planned: else it is planned anew."""

    state: SessionState | None
    """None: nobody knows, or the catalog knows it better."""
    last_seq: int
    head_seq: int | None
    epochs: tuple[NewEpoch, ...]
    versions: tuple[Revived, ...]
    """By ascending seq."""
    carried: tuple[Carried, ...]
    revised: tuple[Revision, ...]
    """What facts say of versions that the catalog has."""
    labels: Mapping[str, tuple[int, datetime.datetime]]
    """By name, the version that has it, and since when."""
    pinned: frozenset[int]
    """Heads that another epoch replaced."""
    templates: Mapping[TemplateName, tuple[int, datetime.datetime]]
    """As `labels`, of what new sessions are begun with."""
    decided: bool
    """Something of it is no word of a fact."""
