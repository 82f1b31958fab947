"""What a rebuild is told, and what it tells."""

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from expokeep.model.names import SessionId
from expokeep.rebuild.heads import Damaged

Phase = Literal["reading", "rebuilding"]
Progress = Callable[[Phase, int, int], None]
"""Called with what is done: packs, then sessions; how many, and of how many."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that could not be had back as it was, in words."""

    pack: uuid.UUID
    seq: int | None
    reason: str
    is_lost: bool = False
    """It is not back at all."""


@dataclass(slots=True)
class Report:
    """What came of it."""

    packs: int = 0
    sessions: int = 0
    versions: int = 0
    adopted: int = 0
    """Versions that no fact speaks of."""
    parked: int = 0
    facts: int = 0
    facts_at: datetime.datetime | None = None
    """When the newest fact was noted: what changed later is not known."""
    generation: int = 0
    damaged: list[Damaged] = field(default_factory=list)
    doubts: list[tuple[SessionId, Doubt]] = field(default_factory=list)
    ownerless: list[SessionId] = field(default_factory=list)
    """Sessions of which no fact says whose they are."""
