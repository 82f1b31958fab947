"""What became of a snapshot."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from expokeep.catalog.values import Opened
from expokeep.snapshot.keep import Sealed
from expokeep.worktree.scan import Reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a snapshot."""

    sealed: Sealed | None
    """What is to be shipped; None if nothing had changed."""
    opened: Opened | None
    """Where the epoch stood, as far as we know."""
    took_s: float
    """From the start of the scan to the seal."""
    set_count: int
    gone_count: int
    skipped: Mapping[bytes, Reason]
    excluded_count: int
    wake_in_s: float | None
    """When to look again by ourselves: a deletion will be believed then."""
    pack: uuid.UUID | None = None
    """Of the snapshot that the directory is now; None: none was ever taken of it."""
