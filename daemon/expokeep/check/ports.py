"""What a check asks of the catalog. `catalog.checking` answers."""

import uuid
from collections.abc import Collection, Iterator
from typing import Protocol

from expokeep.catalog.evidence import PackRow, SessionRows
from expokeep.catalog.values import Place
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId


class Ledger(Protocol):
    """The rows as they are. Each method is one short transaction, `packs` several."""

    def sessions(self) -> list[SessionId]:
        """Return all sessions, also those that are deleted."""
        ...

    def packs(self, ids: Collection[uuid.UUID] | None = None) -> Iterator[PackRow]:
        """Yield packs, all or these; those that are gone are left out."""
        ...

    def packs_of(self, session: SessionId) -> list[PackRow]:
        """Return the packs that a session stands on, of whatever session they are."""
        ...

    def known_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Return which of these keys a pack has."""
        ...

    def session(self, session: SessionId) -> SessionRows | None:
        """Return all rows of a session's versions, from one moment."""
        ...

    def places(self, pack: uuid.UUID) -> list[Place]:
        """Return what a pack holds, as the catalog has it, in the order of places."""
        ...

    def naming(self, digests: Collection[Digest]) -> dict[SessionId, tuple[int, ...]]:
        """Return the versions that name any of these contents."""
        ...

    def told_by(self, pack: uuid.UUID) -> dict[SessionId, tuple[int, ...]]:
        """Return the versions that the manifest of a pack tells."""
        ...

    def doubt(
        self, pack: uuid.UUID, digests: Collection[Digest], *, doubted: bool
    ) -> None:
        """Note whether nobody may count on contents that a pack is to hold.

        Whoever has doubted contents stores them again, and mends what names them.
        """
        ...
