"""The values in which a catalog is asked to forget, sweep and merge, and answers."""

import datetime
import uuid
from dataclasses import dataclass

from expokeep.catalog.values import PackKind, PackRecord, Place
from expokeep.errors import ExpokeepError, NotFound
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry


class Outdated(ExpokeepError):
    """What a merge was made for is not so any more; nothing was changed."""

    transient = True


class WasDeleted(NotFound):
    """The session was deleted, and can still be had back."""

    def __init__(self, session: SessionId) -> None:
        super().__init__(f"session {session} was deleted")
        self.hint = f"`expokeep undelete {session}` brings it back."


@dataclass(frozen=True, slots=True)
class Line:
    """A version, as somebody sees it who decides what to forget."""

    seq: int
    epoch: int
    taken_at: datetime.datetime
    is_parked: bool
    is_pinned: bool
    labels: tuple[str, ...]
    is_head: bool
    is_tip: bool
    """It ends the chain of an epoch: the next version goes out from it."""
    is_base: bool
    """The chain of an epoch that still lives goes out from it."""
    is_template: bool = False
    """New sessions are begun with it."""
    is_shared: bool = False
    """Somebody may still import it, or does just now."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A session that is hidden, and can still be had back."""

    session: SessionId
    owner: str | None
    project_name: str | None
    deleted_at: datetime.datetime
    expired: bool
    """Nobody deleted it: nobody came for long."""
    versions: int
    size_bytes: int
    """Of the files of its head."""
    root_uid: int


@dataclass(frozen=True, slots=True)
class Weight:
    """What would go with a session or with some of its versions."""

    versions: int
    contents: int
    """Contents that nobody else needs."""
    size_bytes: int
    """Of these contents, before compression."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An object that nobody needs."""

    pack: uuid.UUID
    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Link:
    """A pack of a chain: which versions its manifest tells, and how much is dead."""

    pack: uuid.UUID
    kind: PackKind
    level: int
    tells_from: int
    tells_to: int
    live_bytes: int
    """An estimate, of contents that somebody needs; compressed."""
    dead_bytes: int
    """The same of contents that nobody needs."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The live packs that tell one epoch, and which of its versions are kept."""

    session: SessionId
    epoch: int
    links: tuple[Link, ...]
    kept: tuple[int, ...]
    """Ascending."""


@dataclass(frozen=True, slots=True)
class LiveBlob:
    """Contents that somebody needs, and a file that has them."""

    place: Place
    path: bytes
    mode: int
    mtime_ns: int
    in_head: bool
    session: SessionId
    """One that needs them: the pack's own, if it does."""


@dataclass(frozen=True, slots=True)
class Life:
    """An entry, and the versions of its epoch that have it."""

    path: bytes
    entry: Entry
    valid_from: int
    valid_to: int | None
    """The first that has it no more; None: there is none so far."""
    pack: uuid.UUID | None
    """Where its contents are, if it has any."""


@dataclass(frozen=True, slots=True)
class Swap:
    """A merge, and what it replaces."""

    session: SessionId
    pack: PackRecord
    old: tuple[uuid.UUID, ...]
    """What it takes contents from; with an epoch, also what it tells instead of."""
    epoch: int | None = None
    """Whose chain it tells; None: it only holds contents."""
    told: tuple[int, ...] = ()
    """The versions that it tells."""
    places: tuple[Place, ...] = ()
    """What it holds."""
