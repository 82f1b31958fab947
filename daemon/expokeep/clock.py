"""The only module that looks at a clock. Everyone else is handed the time."""

import datetime
import os
import threading
import time
import uuid


def now() -> datetime.datetime:
    """Return the wall clock's time, aware, in UTC."""
    return datetime.datetime.now(datetime.UTC)


def now_ns() -> int:
    """Return the wall clock's time in nanoseconds, as the file system stamps files."""
    return time.time_ns()


def monotonic_s() -> float:
    """Return seconds that never jump, for deadlines and durations."""
    return time.monotonic()


def wait(event: threading.Event, timeout_s: float) -> bool:
    """Wait until `event` is set or the time is over; return whether it is set."""
    return event.wait(timeout_s)


def uuid7() -> uuid.UUID:
    """Return a fresh UUIDv7 (RFC 9562): sorts by time, cannot be guessed.

    >>> uuid7().version, uuid7() < uuid7()
    (7, True)
    """
    global _last_ms, _counter  # noqa: PLW0603 - one sequence per process keeps the order
    with _uuid_lock:
        millis = time.time_ns() // 1_000_000
        if millis <= _last_ms:
            millis, _counter = _last_ms, _counter + 1
            if _counter > 0xFFF:  # more than 4,096 in a millisecond borrow the next
                millis, _counter = millis + 1, 0
        else:
            _counter = 0
        _last_ms = millis
        high = (millis << 16) | 0x7000 | (_counter & 0xFFF)
    low = (0b10 << 62) | (int.from_bytes(os.urandom(8), "big") >> 2)
    return uuid.UUID(int=(high << 64) | low)


_uuid_lock = threading.Lock()
_last_ms = 0
_counter = 0
