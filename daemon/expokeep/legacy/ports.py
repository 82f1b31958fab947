"""What keeping the app's tables in step asks of others."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from expokeep.catalog.legacy_values import Found, Mark, Standing, Wish
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId

Read = Callable[[Collection[Digest]], Mapping[Digest, bytes]]
"""Brings small contents home."""


class Publish(Protocol):
    """Tells whoever listens what happened."""

    def __call__(self, kind: str, session: str | None, **details: Any) -> None:
        """Never a secret."""


class Tables(Protocol):
    """The app's tables."""

    def configure(self, wish: Wish) -> bool:
        """Say what the rows are to be; return whether that is news."""

    def find(self) -> Found:
        """Look for the tables."""

    def attach(self, found: Found) -> None:
        """Let commits write rows from now on; be told of the app's, where we may."""

    def detach(self) -> None:
        """Leave the tables alone from now on."""


class Rows(Protocol):
    """The rows of our sessions in them."""

    def waits(self) -> bool:
        """Return whether there is a row to look at, or something to tell."""

    def missing(self) -> list[SessionId]:
        """Return the builds whose rows the app has deleted."""

    def is_too_much(self, going: int) -> bool:
        """Return whether nobody can mean to delete so many."""

    def delete(self, sessions: Collection[SessionId]) -> list[SessionId]:
        """Delete sessions whose rows are missing, softly; return which."""

    def undeletable(self) -> list[SessionId]:
        """Return the builds among the missing that new sessions are begun with."""

    def marks(self) -> list[Mark]:
        """Return some of the rows to look at, in any order."""

    def mark_unshared(self) -> None:
        """Have the rows looked at of builds whose shares have run out."""

    def mend(self, session: SessionId, *, put_back: bool = False) -> str | None:
        """Bring one session's rows to what is kept; return why it failed, if it did."""

    def compare(self) -> int:
        """Mark all rows that are not what is kept; return how many."""


class Notes(Protocol):
    """What was told of them."""

    def refusals(self) -> int:
        """Return how often the app was refused something since we last asked."""

    def refused(self, what: str) -> None:
        """Note what was refused."""

    def reveal(self, share: str, token: str) -> None:
        """Show the app the token of a share that everybody may use."""

    def standing(self) -> Standing:
        """Return how the app's tables are."""


class Descriptions(Protocol):
    """What projects say of themselves."""

    def undescribed(self, *, most_bytes: int) -> list[Digest]:
        """Return files that describe projects and that nobody has read yet."""

    def describe(self, described: Sequence[tuple[Digest, bytes]]) -> None:
        """Make known what such files say; rows that show it are looked at."""

    def forget(self) -> int:
        """Forget what files said that are not kept any more; return how many."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All that is asked of the catalog."""

    tables: Tables
    rows: Rows
    notes: Notes
    descriptions: Descriptions
