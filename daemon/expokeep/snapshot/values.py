"""What a snapshot is asked, and what it answers."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from expokeep.model.names import SessionId
from expokeep.model.version import Trigger, Version
from expokeep.worktree.scan import Reason


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a snapshot."""

    state: Literal["unchanged", "recorded", "spooled"]
    version: Version | None
    """The version that now is this directory; None if nothing was ever kept of it, or
    if it is safe in the spool and not recorded yet."""
    took_s: float
    """From the start of the scan to the end of the commit."""
    stored_bytes: int = 0
    """What went to the bucket."""
    set_count: int = 0
    gone_count: int = 0
    skipped: Mapping[bytes, Reason] | None = None
    excluded_count: int = 0
    wake_in_s: float | None = None
    """When to look again by ourselves: a deletion will be believed then."""
    error: str | None = None
    """Why it is not recorded yet."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a snapshot began, by three clocks."""

    at: datetime.datetime
    monotonic_s: float
    now_ns: int
    """As the file system stamps files."""
