"""What became of a save, as a document."""

from typing import Literal

from expokeep.history.documents import Document, SkippedPath


class Saved(Document, frozen=True, tag="saved"):
    """What became of a save."""

    session: str
    state: Literal["unchanged", "recorded"]
    version: int | None
    project_name: str | None
    took_s: float
    stored_bytes: int = 0
    set_count: int = 0
    gone_count: int = 0
    parked: str | None = None
    skipped: tuple[SkippedPath, ...] = ()
    excluded_count: int = 0
    label: str | None = None
    """What the version was labelled, if that was asked for."""
    is_pinned: bool = False
    """Whether it was pinned by this."""
