"""What a rebuild asks of a catalog."""

import datetime
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from expokeep.catalog.revival import Revival, Standing
from expokeep.catalog.values import PackRecord, Place
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry
from expokeep.model.version import Version, VersionRef


class RebuildCatalog(Protocol):
    """A catalog that is made anew; each method is safe to repeat."""

    def begin(self) -> bool:
        """Begin a rebuild, or go on; False where something else is kept."""
        ...

    def facts_at(self) -> datetime.datetime:
        """Return when the newest fact was noted that we know to be written."""
        ...

    def abandoned(self, *, silent_s: float) -> list[tuple[SessionId, PackRecord]]:
        """Return intents of hosts that were not heard of for so long."""
        ...

    def settled(self) -> frozenset[str]:
        """Return keys of packs that are known, or that a living host will tell of."""
        ...

    def expect(
        self,
        session: SessionId,
        packs: Sequence[PackRecord],
        places: Sequence[Place],
    ) -> None:
        """Make packs of a session and what they hold known, as intents."""
        ...

    def standing(self, session: SessionId) -> Standing:
        """Return what there is of a session."""
        ...

    def revive(
        self, session: SessionId, revival: Revival, packs: Collection[uuid.UUID]
    ) -> None:
        """Write all that a session gets back; `packs` need not be read again.

        Raises:
            BaseMoved: the session is not what this was planned for.
        """
        ...

    def end(self, number: int, facts_at: datetime.datetime) -> None:
        """Take over how far the bucket is: all that it knows is here."""
        ...


class ReadCatalog(Protocol):
    """What is read of what the catalog has already."""

    def resolve(self, ref: VersionRef) -> Version:
        """Return the version that is meant."""
        ...

    def tree(self, version: Version) -> dict[bytes, Entry]:
        """Return the tree of a version."""
        ...

    def places(self, digests: Collection[Digest]) -> Mapping[Digest, Place]:
        """Return where contents are; what is not kept is left out."""
        ...
