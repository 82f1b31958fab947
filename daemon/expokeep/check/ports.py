"""What a check and a repair ask of the catalog.

`catalog.checking` and `catalog.mending` answer.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from expokeep.catalog.evidence import Named, PackRow, SessionRows, Span
from expokeep.catalog.values import PackRecord, Place
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


class Mender(Protocol):
    """Writes what a repair has decided; each method is one transaction."""

    def begin(self, session: SessionId, pack: PackRecord) -> None:
        """Record the intent of a pack."""
        ...

    def replace(
        self,
        session: SessionId,
        pack: PackRecord,
        places: Sequence[Place],
        *,
        old: Collection[uuid.UUID],
        told: Collection[int],
    ) -> None:
        """Show a pack that is durable, in the place of others.

        Args:
            session: whose the pack is.
            pack: with the size of its object.
            places: of its contents.
            old: the packs in which they were looked for so far. Who of these is not
                needed any more is retired.
            told: numbers of the versions that its manifest tells from now on.

        Raises:
            PackGone: the intent was doomed meanwhile; nothing was changed.
        """
        ...

    def move(self, places: Sequence[Place]) -> None:
        """Look for contents where they are, in the packs that hold them already."""
        ...

    def publish(self, pack: uuid.UUID) -> None:
        """Make a pack live that is there and needed."""
        ...

    def park(self, session: SessionId, seqs: Collection[int], reason: str) -> None:
        """Park versions; those that are parked get another reason beside theirs."""
        ...

    def unpark(self, session: SessionId, seqs: Collection[int]) -> None:
        """Take back that versions are damaged."""
        ...

    def damaged(self) -> dict[SessionId, tuple[int, ...]]:
        """Return the versions that are parked as damaged."""
        ...

    def move_head(self, session: SessionId, seq: int) -> None:
        """Let another version be the head."""
        ...

    def count(self, session: SessionId) -> None:
        """Let the counters of a session follow its versions."""
        ...

    def sum(
        self, session: SessionId, seq: int, *, file_count: int, size_bytes: int
    ) -> None:
        """Let the sums of a version follow its tree."""
        ...

    def names(self, digests: Collection[Digest]) -> list[Named]:
        """Return where contents were, as far as anybody named them; newest first."""
        ...

    def write(
        self,
        session: SessionId,
        epoch: int,
        spans: Sequence[Span],
        places: Sequence[Place],
    ) -> None:
        """Write all entries of an epoch anew, and what is known of their contents."""
        ...
