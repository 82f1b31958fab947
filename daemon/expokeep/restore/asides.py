"""Says beside a session's versions what this host holds of it, and what others hold."""

import datetime
from dataclasses import dataclass
from typing import Protocol

from expokeep.catalog.base import Catalog
from expokeep.model.documents import EndDocument, HeldDocument, WaitingDocument
from expokeep.model.names import SessionId
from expokeep.restore.about import Surroundings
from expokeep.restore.ahead import Holdings, look_ahead
from expokeep.restore.documents import held_document


class Ends(Surroundings, Protocol):
    """Tells also what ended."""

    def ends(self, session: SessionId) -> dict[int, datetime.datetime]:
        """Return after which versions, by number, a directory was removed, and when."""
        ...


@dataclass(frozen=True, slots=True)
class Asides:
    """Implements `history.version_log.Aside`."""

    catalog: Catalog
    holdings: Holdings
    surroundings: Ends | None
    """None where no database is configured."""

    def waiting(self, session: SessionId) -> tuple[WaitingDocument, ...]:
        """Return what waits on this host, oldest first."""
        ahead = look_ahead(session, self.catalog, self.holdings)
        if ahead is None:
            return ()
        return tuple(
            WaitingDocument(
                pack=one.entry.pack,
                taken_at=one.entry.note.taken_at.astimezone(datetime.UTC),
                trigger=one.entry.note.trigger,
                becomes_head=one is ahead.outlook.head,
                parked=one.parked,
            )
            for one in ahead.outlook.waiting
        )

    def ended(self, session: SessionId) -> tuple[EndDocument, ...]:
        """Return after which versions a directory was removed."""
        found = self.surroundings.ends(session) if self.surroundings else {}
        return tuple(
            EndDocument(seq=seq, at=at.astimezone(datetime.UTC))
            for seq, at in found.items()
        )

    def held_elsewhere(self, session: SessionId) -> tuple[HeldDocument, ...]:
        """Return what other hosts hold and could not record yet."""
        if self.surroundings is None:
            return ()
        found = self.surroundings.held_elsewhere([session], self.holdings.host)
        return tuple(map(held_document, found))
