"""Counts what a bucket is asked for, in the classes that R2 bills.

Every request that leaves is counted, the repeated ones too, because each is billed.
Prices are not known here.
"""

import datetime
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from expokeep import clock

CLASS_B = frozenset({"GetObject", "HeadBucket", "HeadObject"})
FREE = frozenset({"AbortMultipartUpload", "DeleteObject", "DeleteObjects"})

Outcome = Literal["ok", "refused", "throttled", "failed", "unanswered"]
"""What became of a request. That nothing is there, or something already, is an answer
like any other."""


def outcome_of(status: int) -> Outcome:
    """Return what an HTTP status says of a request.

    >>> outcome_of(206), outcome_of(404), outcome_of(403), outcome_of(503)
    ('ok', 'ok', 'refused', 'failed')
    """
    if status == 429:
        return "throttled"
    if status >= 500:
        return "failed"
    return "ok" if status < 400 or status in (404, 412) else "refused"


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked of the bucket since the process began."""

    requests: Mapping[str, int]
    """How often each S3 operation was sent, by its name in the API."""
    bytes_sent: int
    bytes_received: int
    outcomes: Mapping[tuple[str, Outcome], int] = field(default_factory=dict)
    """How often each operation ended in which way; what is under way is missing."""
    retries: Mapping[str, int] = field(default_factory=dict)
    """How often something was asked again, by what was wanted."""
    last_outcome: Outcome | None = None
    last_ok_at: datetime.datetime | None = None
    """When an answer last came that was no failure."""

    @property
    def class_a(self) -> int:
        """Return the number of requests that write or list.

        >>> Usage({"PutObject": 2, "GetObject": 3, "DeleteObjects": 1}, 0, 0).class_a
        2
        """
        return sum(
            count
            for operation, count in self.requests.items()
            if operation not in CLASS_B | FREE
        )

    @property
    def class_b(self) -> int:
        """Return the number of requests that read one object, or ask about it."""
        return sum(self.requests.get(operation, 0) for operation in CLASS_B)


def class_of(operation: str) -> str:
    """Return in which class an operation is billed.

    >>> class_of("PutObject"), class_of("GetObject"), class_of("DeleteObjects")
    ('a', 'b', 'free')
    """
    if operation in FREE:
        return "free"
    return "b" if operation in CLASS_B else "a"


class Meter:
    """Adds up usage, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._bytes_sent = 0
        self._bytes_received = 0
        self._outcomes: Counter[tuple[str, Outcome]] = Counter()
        self._last_outcome: Outcome | None = None
        self._last_ok_at: datetime.datetime | None = None

    def asked(self, operation: str) -> None:
        """Count one request."""
        with self._lock:
            self._requests[operation] += 1

    def answered(self, operation: str, outcome: Outcome) -> None:
        """Count how one request ended."""
        with self._lock:
            self._outcomes[operation, outcome] += 1
            self._last_outcome = outcome
            if outcome == "ok":
                self._last_ok_at = clock.now()

    def sent(self, size_bytes: int) -> None:
        """Count bytes of contents that left."""
        with self._lock:
            self._bytes_sent += size_bytes

    def received(self, size_bytes: int) -> None:
        """Count bytes of contents that arrived."""
        with self._lock:
            self._bytes_received += size_bytes

    def usage(self) -> Usage:
        """Return the sums so far."""
        with self._lock:
            return Usage(
                MappingProxyType(dict(self._requests)),
                self._bytes_sent,
                self._bytes_received,
                MappingProxyType(dict(self._outcomes)),
                last_outcome=self._last_outcome,
                last_ok_at=self._last_ok_at,
            )
