"""What a check is asked, and what it says: findings, each with what to do about it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from expokeep.model.digest import Digest
from expokeep.model.names import SessionId

Kind = Literal[
    "missing-object",
    "wrong-size",
    "damaged-contents",
    "damaged-manifest",
    "wrong-place",
    "wrong-state",
    "lost-contents",
    "wrong-tree",
    "no-files",
    "untold-version",
    "missing-head",
    "wrong-counter",
    "doomed-object",
    "orphan-object",
    "damaged-remains",
]

ADVICE: Mapping[Kind, str] = {
    "missing-object": "`expokeep repair catalog` stores again what other copies hold, "
    "and marks the versions that nothing can mend.",
    "wrong-size": "`expokeep repair manifests` saves what is good in it; then "
    "`expokeep repair catalog`.",
    "damaged-contents": "`expokeep repair catalog` stores again what other copies "
    "hold, and marks the versions that nothing can mend.",
    "damaged-manifest": "`expokeep repair manifests` writes the pack anew: nothing is "
    "lost, but a rebuild could not read it.",
    "wrong-place": "`expokeep repair catalog` takes the places from the pack itself.",
    "wrong-state": "`expokeep repair catalog` makes the pack live again.",
    "lost-contents": "`expokeep repair catalog` takes the places from the manifests.",
    "wrong-tree": "`expokeep repair catalog` takes the entries from the manifests.",
    "no-files": "`expokeep repair catalog` takes the entries from the manifests.",
    "untold-version": "`expokeep repair manifests` writes down what only Postgres "
    "knows: the version restores, but a rebuild would not find it.",
    "missing-head": "`expokeep repair catalog` lets the head be the last good version.",
    "wrong-counter": "`expokeep repair catalog` counts again.",
    "doomed-object": "Nothing: the next `expokeep gc` deletes it.",
    "orphan-object": "Nothing: the daemon adopts it if it is a pack of ours, and "
    "never deletes what Postgres did not mark.",
    "damaged-remains": "Nothing: no version needs it any more, and the next merge "
    "leaves it out.",
}
"""What to do about each kind of finding."""

LEFTOVERS: frozenset[Kind] = frozenset(
    {"doomed-object", "orphan-object", "damaged-remains"}
)
"""Findings that harm no version."""

Affected = Mapping[SessionId, tuple[int, ...]]
"""Versions, by session."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    kind: Kind
    detail: str
    key: str | None = None
    """Of the object, if it is one."""
    pack: uuid.UUID | None = None
    session: SessionId | None = None
    affected: Affected = field(default_factory=dict)
    """The versions that cannot be restored whole."""
    untold: Affected = field(default_factory=dict)
    """Versions that restore, but that a rebuild would not find."""
    digests: frozenset[Digest] = frozenset()
    """The contents that are not there, as far as the catalog names them."""

    @property
    def is_damage(self) -> bool:
        """Whether anybody could miss anything."""
        return self.kind not in LEFTOVERS

    @property
    def advice(self) -> str:
        """What to do about it."""
        return ADVICE[self.kind]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check is: bytes read, of those that are to be read."""

    done_bytes: int
    total_bytes: int
    phase: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a check looked at, and what it found."""

    session: SessionId | None
    """None: everything."""
    read: str | None
    """How much was to be read, in the caller's words."""
    sessions: int = 0
    versions: int = 0
    packs: int = 0
    objects: int = 0
    read_packs: int = 0
    read_bytes: int = 0
    findings: tuple[Finding, ...] = ()
    took_s: float = 0.0

    @property
    def damage(self) -> tuple[Finding, ...]:
        """The findings that harm something."""
        return tuple(one for one in self.findings if one.is_damage)

    @property
    def affected(self) -> Affected:
        """All versions that cannot be restored whole."""
        found: dict[SessionId, set[int]] = {}
        for finding in self.findings:
            for session, seqs in finding.affected.items():
                found.setdefault(session, set()).update(seqs)
        return {session: tuple(sorted(seqs)) for session, seqs in found.items()}


# --- how much is read -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """Always the same part of all packs: number `number` of `of`."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of <= 100_000:
            raise ValueError(f"no part {self.number} of {self.of}")


@dataclass(frozen=True, slots=True)
class Share:
    """So much of all bytes; each time another share, until all had its turn."""

    percent: float

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise ValueError(f"no share is {self.percent} %")


@dataclass(frozen=True, slots=True)
class Amount:
    """So many bytes; each time others, until all had their turn."""

    size_bytes: int

    def __post_init__(self) -> None:
        if self.size_bytes <= 0:
            raise ValueError("nothing would be read")


@dataclass(frozen=True, slots=True)
class Everything:
    """Every pack."""


Subset = Part | Share | Amount | Everything


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be checked, and how closely."""

    session: SessionId | None = None
    """None: everything."""
    subset: Subset | None = None
    """Which packs are read; None: only those that look damaged."""
    words: str | None = None
    """How the caller said it."""
