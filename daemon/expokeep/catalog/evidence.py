"""The rows that a check looks at, as they are: nothing in them is believed.

No SQL and no driver here: those are behind `checking.py` and `proofs.py`.
"""

import datetime
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry

PackState = Literal["uploading", "live", "retired", "doomed"]
ProofKind = Literal["check", "drill"]


@dataclass(frozen=True, slots=True)
class PackRow:
    """A pack, and whether anything stands on it."""

    id: uuid.UUID
    key: str
    session: SessionId
    kind: str
    level: int
    size_bytes: int
    state: PackState
    age_s: float
    """Since it has been in this state, by the clock of Postgres."""
    is_named: bool
    """Whether some version names contents that are to be in it."""
    is_counted_on: bool
    """Whether whoever has contents that are in it need not store them again."""
    tells: bool
    """Whether the manifest of this pack is the one that tells some version."""
    is_doubted: bool
    """Whether a check found some of its contents missing or damaged."""

    @property
    def is_readable(self) -> bool:
        """Whether its object should be there."""
        return self.state in ("live", "retired")


@dataclass(frozen=True, slots=True)
class EpochRow:
    """Where the chain of an epoch ends."""

    number: int
    tip_seq: int | None
    tip_pack: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """What a version says of itself."""

    seq: int
    epoch: int
    parent: int | None
    taken_at: datetime.datetime
    tree: Digest
    file_count: int
    size_bytes: int
    parked: str | None
    pack: uuid.UUID
    teller: uuid.UUID
    """The pack whose manifest tells it."""
    teller_state: PackState | None
    """None: there is no row of such a pack."""


@dataclass(frozen=True, slots=True)
class Span:
    """An entry, and the versions of an epoch from `first_seq` to before `end_seq`."""

    path: bytes
    first_seq: int
    end_seq: int | None
    entry: Entry | None
    """None: a file, and the row of its contents is gone."""


@dataclass(frozen=True, slots=True)
class SessionRows:
    """Everything that a session's versions are made of, from one moment."""

    session: SessionId
    head_seq: int | None
    last_seq: int
    versions: Sequence[VersionRow]
    """By number."""
    epochs: Sequence[EpochRow]
    spans: Mapping[int, Sequence[Span]]
    """By epoch; in each, in the order in which they begin."""


@dataclass(frozen=True, slots=True)
class Named:
    """Contents, and a file of a session that had them."""

    digest: Digest
    size_bytes: int
    session: SessionId
    path: bytes
    mode: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a check or a drill."""

    id: int
    kind: ProofKind
    host: str | None
    """The name of the one who did it."""
    started_at: datetime.datetime
    ended_at: datetime.datetime
    is_well: bool
    body: Mapping[str, Any]
    """What its journey writes down; JSON."""


class Proofs(Protocol):
    """Where checks and drills are written down. Each method is one transaction."""

    def record(
        self,
        kind: ProofKind,
        started_at: datetime.datetime,
        *,
        is_well: bool,
        body: Mapping[str, Any],
    ) -> None:
        """Write down what came of one, as ended now, by this host."""
        ...

    def last(self, kind: ProofKind) -> Proof | None:
        """Return the newest one, of whatever it was."""
        ...

    def telling(self, kind: ProofKind) -> Proof | None:
        """Return the newest one that says how all is: of everything, or not well."""
        ...

    def since(self, kind: ProofKind, age_s: float) -> list[Proof]:
        """Return those that ended within so many seconds, oldest first."""
        ...
