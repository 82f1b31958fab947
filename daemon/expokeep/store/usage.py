"""Counts what a bucket is asked for, in the classes that R2 bills.

Every request that leaves is counted, the repeated ones too, because each is billed.
Prices are not known here.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CLASS_B = frozenset({"GetObject", "HeadBucket", "HeadObject"})
FREE = frozenset({"AbortMultipartUpload", "DeleteObject", "DeleteObjects"})


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked of the bucket since the process began."""

    requests: Mapping[str, int]
    """How often each S3 operation was sent, by its name in the API."""
    bytes_sent: int
    bytes_received: int

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


class Meter:
    """Adds up usage, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._bytes_sent = 0
        self._bytes_received = 0

    def asked(self, operation: str) -> None:
        """Count one request."""
        with self._lock:
            self._requests[operation] += 1

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
            )
