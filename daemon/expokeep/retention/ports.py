"""What forgetting asks of the catalog. Implemented in `catalog`, handed over by wiring.

Each method is one short transaction, safe to repeat and safe beside snapshots,
restores, and another daemon that does the same.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from expokeep.catalog.caring import (
    Chain,
    Deleted,
    Life,
    Line,
    LiveBlob,
    Outgoing,
    Swap,
    Weight,
)
from expokeep.catalog.values import Place
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.version import Version


class Versions(Protocol):
    """The versions of sessions, for somebody who decides which of them stay."""

    def sessions(self, after: str = "") -> Iterator[SessionId]:
        """Yield the sessions that may have something to forget, sorted."""
        ...

    def lines(self, session: SessionId) -> list[Line]:
        """Return the versions of a session, newest first; none of a deleted one."""
        ...

    def weight(self, session: SessionId, seqs: Collection[int]) -> Weight:
        """Return what would go with these versions."""
        ...

    def forget(
        self, session: SessionId, seqs: Collection[int], *, labels_too: bool = False
    ) -> list[int]:
        """Forget versions; return those that were.

        What has become a head, the end of a chain, the start of a living one, pinned or
        (without `labels_too`) labelled since it was looked at stays.
        """
        ...


class Deletions(Protocol):
    """Sessions that are deleted, and what becomes of them."""

    def delete(self, session: SessionId) -> bool:
        """Hide a session; return whether there is one that was not deleted."""
        ...

    def undelete(self, session: SessionId) -> bool:
        """Bring a session back; return whether it was deleted and still can be."""
        ...

    def deleted(
        self, *, owner: str | None, uid: int | None, limit: int
    ) -> list[Deleted]:
        """Return deleted sessions that can be had back, the newest deletion first."""
        ...

    def weight(self, session: SessionId) -> Weight:
        """Return what would go with a session."""
        ...

    def expire(self, *, days: int) -> list[SessionId]:
        """Delete some sessions that nobody came for in so many days; return them."""
        ...

    def expiring(self, *, days: int) -> list[SessionId]:
        """Return sessions that `expire` would delete."""
        ...

    def purgeable(self, *, grace_s: float) -> list[SessionId]:
        """Return deleted sessions whose grace is over."""
        ...

    def purge(self, session: SessionId, *, grace_s: float, spent_s: float) -> bool:
        """Drop all that was ever kept of a session, if its grace is still over.

        Of the grace of its objects so much is over with it: they get no second one.
        """
        ...

    def bury(self) -> int:
        """Drop the rows of sessions of which nothing is left; return how many."""
        ...


class Packs(Protocol):
    """Packs that nobody needs, on their way out."""

    def live(self) -> Iterator[list[uuid.UUID]]:
        """Yield all live packs, some at a time."""
        ...

    def unneeded(self, ids: Sequence[uuid.UUID]) -> list[Outgoing]:
        """Return those of these packs that `retire` would retire."""
        ...

    def retire(self, ids: Sequence[uuid.UUID]) -> list[Outgoing]:
        """Send those of these packs on their way that nobody needs; return them."""
        ...

    def doom(
        self, *, grace_s: float, limit: int, not_again: Collection[uuid.UUID]
    ) -> tuple[list[Outgoing], list[uuid.UUID]]:
        """Doom retired packs whose grace is over; return them and what was looked at.

        Under locks: what somebody has come to need is live again, and what somebody may
        need just now stays retired.
        """
        ...

    def doom_stale(self, *, grace_s: float, limit: int) -> list[Outgoing]:
        """Doom intents that nobody will ever commit; return them."""
        ...

    def stale(self, *, grace_s: float, limit: int) -> list[Outgoing]:
        """Return the intents that `doom_stale` would doom."""
        ...

    def doomed(self, *, limit: int, not_again: Collection[uuid.UUID]) -> list[Outgoing]:
        """Return packs whose objects are to be deleted, the oldest first."""
        ...

    def bury(self, ids: Sequence[uuid.UUID]) -> None:
        """Drop the rows of doomed packs whose objects are gone."""
        ...

    def retired(self, *, grace_s: float) -> tuple[int, int]:
        """Return how many packs are due, and how many bytes they have."""
        ...


class Merges(Protocol):
    """Chains of packs, and how one takes the place of several."""

    def crowded(self, *, fan: int, top: int) -> list[tuple[SessionId, int]]:
        """Return epochs with so many packs of one level, below `top`."""
        ...

    def wasteful(
        self, ids: Sequence[uuid.UUID], *, share: float, least_bytes: int
    ) -> list[tuple[SessionId, int | None, uuid.UUID]]:
        """Return those of these packs of which more than `share` is dead."""
        ...

    def chain(self, session: SessionId, epoch: int) -> Chain:
        """Return what tells an epoch."""
        ...

    def lives(
        self, session: SessionId, epoch: int, packs: Collection[uuid.UUID]
    ) -> tuple[list[Version], list[Life]]:
        """Return the versions that packs tell, and every entry that one of them has."""
        ...

    def blobs(
        self,
        session: SessionId,
        packs: Collection[uuid.UUID],
        *,
        for_others: bool = False,
    ) -> list[LiveBlob]:
        """Return what of the contents of packs somebody needs, as they lie.

        With `for_others` only what sessions need that are not deleted.
        """
        ...

    def hosts_of_others(self) -> list[SessionId]:
        """Return deleted sessions whose packs hold what others still need."""
        ...

    def packs_of(self, session: SessionId) -> list[uuid.UUID]:
        """Return the packs of a session, but for those of single big files."""
        ...

    def begin(self, swap: Swap, *, host: uuid.UUID) -> None:
        """Record the intent of a merge."""
        ...

    def swap(self, swap: Swap) -> None:
        """Show a merge whose object is durable, and retire what it replaces.

        Raises:
            Outdated: what it was made for is not so any more. Nothing was changed.
        """
        ...


class Marks(Protocol):
    """What persons say of versions."""

    def label(self, version: Version, name: str) -> int | None:
        """Give a label to a version; return which version had it before."""
        ...

    def unlabel(self, session: SessionId, name: str) -> int:
        """Take a label away; return which version had it.

        Raises:
            NotFound: none had.
        """
        ...

    def pin(self, version: Version, *, is_pinned: bool) -> None:
        """Keep a version from being forgotten, or no longer."""
        ...


Contents = tuple[Digest, int, Iterable[bytes | memoryview]]


class Fetch(Protocol):
    """Brings contents from the bucket, in the order in which they lie."""

    def __call__(self, places: Collection[Place]) -> Iterator[Contents]:
        """Yield each of these contents: digest, size, and the bytes in pieces."""
        ...
