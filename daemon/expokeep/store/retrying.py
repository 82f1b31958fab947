"""Asks a store again when its failure may pass. The only loop of its kind.

Time and chance are arguments: `wait` sleeps and says whether we were told to stop,
`chance` is a number from 0 to 1. A failure that is not `transient` is passed on at
once, and so is the last one of a counted number.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from expokeep import log
from expokeep.errors import ExpokeepError
from expokeep.model.digest import Digest
from expokeep.store.base import HighWater, ObjectInfo, Progress, Store, Unfinished
from expokeep.store.usage import Usage

_log = log.get(__name__)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently to ask again."""

    attempts: int = 5
    first_s: float = 1.0
    most_s: float = 300.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.first_s <= self.most_s:
            raise ValueError(f"no way to retry by: {self}")

    def delay_s(self, failures: int, chance: float) -> float:
        """Return how long to wait after so many failures in a row.

        Doubles each time, up to a limit, and spreads over its upper half, so that
        many hosts which lost the same server do not come back in step.

        >>> RetryPolicy().delay_s(3, chance=0.5)
        3.0
        >>> RetryPolicy().delay_s(100, chance=1.0)
        300.0
        """
        doublings = min(failures - 1, 64)
        longest_s = min(self.most_s, self.first_s * 2.0**doublings)
        return longest_s * (0.5 + chance / 2)


class Retrying:
    """A store that asks another store, and asks again when a failure may pass."""

    def __init__(
        self,
        store: Store,
        policy: RetryPolicy,
        *,
        wait: Callable[[float], bool],
        chance: Callable[[], float],
    ) -> None:
        """Wrap `store`.

        `wait` takes seconds and returns True when it was cut short because we are to
        stop: then the failure is passed on, whatever the policy would allow.
        """
        self._store = store
        self._policy = policy
        self._wait = wait
        self._chance = chance
        self._counting = threading.Lock()
        self._retries: Counter[str] = Counter()

    def put_file(
        self, key: str, path: Path, *, sha256: Digest, progress: Progress | None = None
    ) -> None:
        """Put a file; what is sent twice is reported as progress once."""
        mark = HighWater(progress)

        def attempt() -> None:
            sent_bytes = 0

            def counted(news_bytes: int) -> None:
                nonlocal sent_bytes
                sent_bytes += news_bytes
                mark.reached(sent_bytes)

            self._store.put_file(key, path, sha256=sha256, progress=counted)

        self._asked("put", attempt)

    def get(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes of an object."""
        return self._asked("get", lambda: self._store.get(key, start, length))

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is at `key`, or None."""
        return self._asked("head", lambda: self._store.head(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object below `prefix`.

        Asks again until the first object came. Later a failure is passed on: without
        an order there is no place to resume from, and nothing may be yielded twice.
        """

        def begin() -> tuple[ObjectInfo | None, Iterator[ObjectInfo]]:
            listing = self._store.list(prefix)
            return next(listing, None), listing

        first, rest = self._asked("list", begin)
        if first is not None:
            yield first
            yield from rest

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Delete objects; harmless to repeat, since a missing key is no failure."""
        return self._asked("delete", lambda: self._store.delete(keys))

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield every unfinished upload, all of them asked for beforehand."""
        yield from self._asked("list", lambda: list(self._store.unfinished(prefix)))

    def abort(self, upload: Unfinished) -> None:
        """End an unfinished upload; harmless to repeat."""
        self._asked("abort", lambda: self._store.abort(upload))

    def check(self) -> None:
        """Check the bucket."""
        self._asked("check", self._store.check)

    def warm(self) -> None:
        """Do now what would hold up the first request."""
        self._store.warm()

    def usage(self) -> Usage:
        """Return what was asked, the repeated requests too."""
        with self._counting:
            retries = dict(self._retries)
        return replace(self._store.usage(), retries=retries)

    def close(self) -> None:
        """Close the store behind this one."""
        self._store.close()

    def _asked(self, verb: str, ask: Callable[[], _Answer]) -> _Answer:
        for failures in range(1, self._policy.attempts):
            try:
                return ask()
            except ExpokeepError as error:
                if not error.transient:
                    raise
                delay_s = self._policy.delay_s(failures, self._chance())
                _log.debug("store failed, asking again", verb=verb, delay_s=delay_s)
                if self._wait(delay_s):
                    raise
                with self._counting:
                    self._retries[verb] += 1
        return ask()
