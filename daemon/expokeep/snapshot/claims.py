"""Contents that are on their way to the bucket right now, so that they go there once.

Ten sessions of one template settle in the same second. Without this each worker would
find nothing in the catalog and upload the same files.
"""

import contextlib
import threading
from collections.abc import Collection, Iterator

from expokeep.model.digest import Digest

PATIENCE_S = 20.0
"""After this we would rather store some bytes twice than hold a session up."""


class Claims:
    """The contents that some snapshot of this process is about to store."""

    def __init__(self) -> None:
        self._claimed: set[Digest] = set()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def on(
        self, digests: Collection[Digest], *, patience_s: float = PATIENCE_S
    ) -> Iterator[None]:
        """Wait until nobody else is storing any of these, then be the one who is."""
        wanted = frozenset(digests)
        with self._changed:
            self._changed.wait_for(
                lambda: wanted.isdisjoint(self._claimed), timeout=patience_s
            )
            ours = wanted - self._claimed
            self._claimed |= ours
        try:
            yield
        finally:
            with self._changed:
                self._claimed -= ours
                self._changed.notify_all()
