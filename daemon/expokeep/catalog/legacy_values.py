"""The values that the app's tables are asked about with, and answer with."""

import datetime
from dataclasses import dataclass

from expokeep.model.names import SessionId

TRIGGERS = 8
"""So many of ours are on the app's tables, where we may have them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the settings say of the app's tables."""

    app_schema: str
    retention_days: int
    storage_base: str
    shows_tokens: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The app's tables, as they are and as they were when they were last looked for."""

    is_attached: bool
    known: int | None
    """The table that was there; another number is another table."""
    found: int | None
    may_write: bool
    may_watch: bool
    triggers: int

    @property
    def is_settled(self) -> bool:
        """Whether all is done that there is to do about them."""
        is_same = self.is_attached and self.found == self.known
        return is_same and (self.triggers >= TRIGGERS or not self.may_watch)


@dataclass(frozen=True, slots=True)
class Mark:
    """A row to look at."""

    session: SessionId
    is_behind: bool
    """We could not write it; otherwise the app has written it."""
    since: datetime.datetime
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How the app's tables are."""

    is_attached: bool
    has_triggers: bool
    refused: str | None
    refused_at: datetime.datetime | None
    behind: int
    """Builds whose rows are not what is kept."""
    since: datetime.datetime | None
    why: str | None
