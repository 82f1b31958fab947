"""The values in which a catalog answers what is asked of the past. No driver here."""

import datetime
from dataclasses import dataclass

from expokeep.model.tree import Entry


@dataclass(frozen=True, slots=True)
class Remark:
    """What was said of a version since it was recorded."""

    labels: tuple[str, ...] = ()
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a version changed against its parent: files and links."""

    seq: int
    added: int
    modified: int
    deleted: int
    renamed: int
    """Moved as they were, and counted nowhere else."""
    changed_bytes: int
    """Of contents that were not at their path before."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One life of a session's directory."""

    number: int
    host: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None
    base_seq: int | None
    """The version that it was restored from, if it was."""
    first_seq: int | None
    """Of the versions that are kept; None if none is."""
    last_seq: int | None
    versions: int


@dataclass(frozen=True, slots=True)
class State:
    """What a path was in an epoch, from a version up to, and without, another."""

    epoch: int
    valid_from: int
    valid_to: int | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose sessions are meant; with neither, everybody's."""

    owner: str | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class HookRun:
    """What came of a version, or that it is under way."""

    seq: int
    host: str | None
    command: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None
    outcome: str | None
    status: int | None
    signal: int | None
    took_s: float | None
    output: str
    is_cut: bool
    reason: str
