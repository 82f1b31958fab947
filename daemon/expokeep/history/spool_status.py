"""The JSON contract of `status`, of its part about the spool. Fields are only added."""

import datetime
from typing import Literal

import msgspec

SpoolState = Literal["ok", "low", "full", "failing"]
"""All is well; the reserve of its disk is begun; it is at its bound, or has no room for
a snapshot; its disk takes nothing."""


class EarlyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken of files before their session has settled."""

    is_on: bool = True
    captured: int = 0
    """Files, since the daemon started."""
    dropped: int = 0
    """Files that were left to the next snapshot because there were too many."""
    open_files: int = 0
    """Held open now."""
    size_bytes: int = 0
    """Of the copies on disk now."""
    lag_s: float = 0.0
    """From the event to the copy: the slowest but for one in a hundred."""


class SpoolStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is safe on this host, and not yet a version; and how much room is left."""

    entries: int
    size_bytes: int
    oldest_at: datetime.datetime | None
    state: SpoolState = "ok"
    state_since: datetime.datetime | None = None
    """When it was last ok; None if it is."""
    used_bytes: int = 0
    """Of the disk, directories and notes included."""
    max_bytes: int = 0
    """From here on only the newest states are kept."""
    free_bytes: int = 0
    min_free_bytes: int = 0
    """Below it nothing is restored to this disk."""
    refused: int = 0
    """Directories that are not captured, because the spool takes nothing."""
    early: EarlyStatus = EarlyStatus()
