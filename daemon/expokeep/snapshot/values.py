"""What a snapshot is asked, by whom, and by which rules."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.model.version import Trigger


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants a snapshot, and what they say of it."""

    session: SessionId
    directory: Path
    trigger: Trigger = "auto"
    message: str | None = None
    author: str | None = None
    owner: str | None = None
    """Whose the session is, if nobody claimed it yet."""
    project_name: str | None = None
    believes_deletions: bool = False
    """A person asked: what is gone is meant to be gone."""
    is_forced: bool = False
    """And however much it is."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that a snapshot heeds."""

    deletion_grace_s: float
    max_file_bytes: int
    excludes: tuple[str, ...]
    ignore_file: str
    base_level: int
    """Of zstd, for the first version of a chain."""
    incremental_level: int
    scope: str
    key_prefix: str
    fsync: bool
    guard: Limits
    max_build_bytes: int | None = None
    """Of the files of a build together; None: any."""
    rejects_too_big: bool = False
    """Whether a larger one is kept not at all, instead of without its largest files."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a snapshot began, by three clocks."""

    at: datetime.datetime
    monotonic_s: float
    now_ns: int
    """As the file system stamps files."""


def this_moment() -> Moment:
    """Return now, by all three clocks."""
    return Moment(clock.now(), clock.monotonic_s(), clock.now_ns())
