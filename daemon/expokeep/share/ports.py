"""What sharing asks of others. Handed over by wiring.

Each method of `Shares` is one short transaction, safe to repeat. All raise
`BackendUnreachable` when there is no answer in time.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from expokeep.catalog.shares import (
    Door,
    NewShare,
    NewUse,
    Popular,
    Refusal,
    ShareRow,
    Use,
    UseRow,
)
from expokeep.catalog.values import Place, RootOwner
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.version import Version


class Shares(Protocol):
    """What is lent, as the catalog keeps it."""

    def create(self, new: NewShare) -> None:
        """Make a share.

        Raises:
            NotFound: what it lends is no longer kept.
        """
        ...

    def door(self, token: bytes, user: str | None) -> Door | None:
        """Return the share of a token, as it stands before a user; None if none is."""
        ...

    def note_look(self, name: str, seq: int) -> None:
        """Note that somebody has looked for secrets in a version, and found none."""
        ...

    def reserve(self, new: NewUse, seq: int) -> Use | None:
        """Count a use, if the share still lends that version to this user."""
        ...

    def settle(self, use: int) -> None:
        """Note that something came of a use."""
        ...

    def give_back(self, use: int) -> None:
        """Note that nothing came of a use, and count it no more."""
        ...

    def settle_found(self) -> int:
        """Settle uses that were cut short and came to something; return how many."""
        ...

    def give_back_lost(self, *, after_s: float, grace_s: float) -> int:
        """Give back uses that were cut short and can come to nothing any more."""
        ...

    def refuse(self, name: str, reason: str, user: str | None) -> None:
        """Count that somebody with the token was turned away."""
        ...

    def count_wrong(self, name: str) -> None:
        """Count a wrong password."""
        ...

    def rows(
        self,
        pepper: bytes,
        *,
        limit: int = 1000,
        include_over: bool = False,
        **only: str | bytes | int | None,
    ) -> list[ShareRow]:
        """Return shares, the newest first.

        Args:
            pepper: which key this host has.
            limit: the most there are in the answer.
            include_over: those as well that open nothing any more.
            only: of this `name`, `token`, `session`, `owner` or `uid`.
        """
        ...

    def revoke(self, names: Sequence[str], by: str) -> list[str]:
        """End shares; return those that were not ended before."""
        ...

    def uses(self, name: str, *, limit: int) -> list[UseRow]:
        """Return the uses of a share, the newest first."""
        ...

    def refusals(self, name: str) -> list[Refusal]:
        """Return how often somebody was turned away, and for what."""
        ...

    def top(self, *, owner: str | None, uid: int | None, limit: int) -> list[Popular]:
        """Return sessions by how often they were imported."""
        ...

    def strange(self, pepper: bytes) -> int:
        """Return how many live shares were made under another key."""
        ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """A session that is to begin with a version of another one."""

    session: SessionId
    source: SessionId
    seq: int
    owner: str | None
    root: RootOwner | None
    """None: as of the source."""
    pack: uuid.UUID


Begin = Callable[[Beginning], Version]
"""Begins a session, and returns when it is recorded. The same one again, by its `pack`,
is the same session."""

MayStillCome = Callable[[Beginning], bool]
"""Tells whether a beginning that failed is safe somewhere, and will be recorded."""

Contents = Callable[
    [Collection[Place]], Iterator[tuple[Digest, int, Iterable[bytes | memoryview]]]
]
"""Brings contents home: digest, size in bytes, bytes; each once, in any order."""
