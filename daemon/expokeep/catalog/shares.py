"""The values in which a catalog is asked about shares, and answers."""

import datetime
import uuid
from dataclasses import dataclass
from typing import Literal

from expokeep.model.names import SessionId

State = Literal["live", "revoked", "expired", "used_up", "gone"]
"""`gone`: what it lends is deleted, or no longer kept."""
Outcome = Literal["under_way", "imported", "given_back"]


@dataclass(frozen=True, slots=True)
class NewShare:
    """A share to be made. Nobody can tell the token from it."""

    name: str
    token: bytes
    """The keyed hash."""
    pepper: bytes
    """Which key that was."""
    session: SessionId
    seq: int | None
    """None: the head, whatever it is then."""
    looked_at_seq: int | None
    """The version in which nothing looked like a secret."""
    secrets_allowed: bool
    password: str | None
    """Its hash."""
    max_uses: int | None
    expires_s: float
    """From now on, by the clock of Postgres."""
    users: tuple[str, ...] | None
    """None: everybody."""
    created_by: str | None


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A share, as those see it whose session it is of."""

    name: str
    session: SessionId
    owner: str | None
    project_name: str | None
    root_uid: int
    seq: int | None
    """None: the head, whatever it is then."""
    state: State
    has_password: bool
    users: tuple[str, ...] | None
    max_uses: int | None
    uses: int
    secrets_allowed: bool
    is_known_here: bool
    """Its token was hashed with the key of this host."""
    created_at: datetime.datetime
    created_by: str | None
    expires_at: datetime.datetime
    revoked_at: datetime.datetime | None
    revoked_by: str | None
    used_at: datetime.datetime | None
    """When something was last imported."""


@dataclass(frozen=True, slots=True)
class Door:
    """A share, as it stands before somebody who has its token."""

    name: str
    session: SessionId
    seq: int | None
    """What an import now would get; None if it is gone."""
    state: State
    is_for_them: bool
    is_locked: bool
    """Too many wrong passwords came lately."""
    password: str | None
    """Its hash."""
    must_look: bool
    """Nobody has looked for secrets in that version."""
    project_name: str | None
    file_count: int | None
    size_bytes: int | None
    expires_at: datetime.datetime
    uses_left: int | None


@dataclass(frozen=True, slots=True)
class NewUse:
    """An import that is about to begin, by somebody who has the token."""

    token: bytes
    """The keyed hash."""
    user: str | None
    uid: int
    host: uuid.UUID
    session: SessionId
    """The one that is to begin."""
    pack: uuid.UUID
    """What its first version will be known by."""


@dataclass(frozen=True, slots=True)
class Use:
    """An import that is counted."""

    id: int
    share: str
    session: SessionId
    """Of which it takes a version."""
    seq: int
    root_mode: int


@dataclass(frozen=True, slots=True)
class UseRow:
    """A use, as those see it whose share it is of."""

    used_at: datetime.datetime
    user: str | None
    uid: int
    seq: int
    session: SessionId
    outcome: Outcome
    settled_at: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often somebody with the token was turned away for one reason."""

    reason: str
    count: int
    last_at: datetime.datetime
    last_user: str | None


@dataclass(frozen=True, slots=True)
class Popular:
    """A session, by how often it was imported."""

    session: SessionId
    owner: str | None
    project_name: str | None
    shares: int
    imported: int
    given_back: int
    refused: int
    last_at: datetime.datetime | None
