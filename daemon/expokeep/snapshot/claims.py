"""Contents that are on their way to the bucket right now, so that they go there once.

Ten sessions of one template settle in the same second. Without this each worker would
find nothing in the catalog and upload the same files.
"""

import threading
from collections.abc import Collection

from expokeep.model.digest import Digest

PATIENCE_S = 5.0
"""After this we would rather store some bytes twice than hold a session up."""


class Claims:
    """The contents that some snapshot of this process is about to store."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self.flows = True
        """Whether contents get away at all; while they do not, nobody waits."""
        self._claimed: set[Digest] = set()
        self._changed = threading.Condition()

    def claim(self, digests: Collection[Digest]) -> "Claim":
        """Wait until nobody else is storing any of these, then be the one who is."""
        wanted = frozenset(digests)
        with self._changed:
            self._changed.wait_for(
                lambda: not self.flows or wanted.isdisjoint(self._claimed),
                timeout=self._patience_s,
            )
            ours = wanted - self._claimed
            self._claimed |= ours
        return Claim(self, ours)

    def give_back(self, digests: frozenset[Digest]) -> None:
        """Let others store these, or find them stored."""
        with self._changed:
            self._claimed -= digests
            self._changed.notify_all()


class Claim:
    """The right to be the one who stores some contents. To be released exactly once."""

    def __init__(self, claims: Claims, digests: frozenset[Digest]) -> None:
        self._claims = claims
        self._digests = digests

    def keep_only(self, digests: Collection[Digest]) -> None:
        """Release what turned out to be stored already."""
        rest = self._digests - frozenset(digests)
        self._digests -= rest
        self._claims.give_back(rest)

    def release(self) -> None:
        """Let others have them, from any thread."""
        self._claims.give_back(self._digests)
        self._digests = frozenset()
