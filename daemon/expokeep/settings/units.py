"""Durations and sizes, as people write them and as the program counts them.

Whole numbers with one unit: `90m`, not `1.5h`. So every text has one value, and every
value that was written can be written back.
"""

import re

_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_DURATION_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_SIZE = re.compile(r"([0-9]{1,15})(?:([KMGT])I?)?B", re.IGNORECASE)
_SIZE_BYTES = {"T": 1 << 40, "G": 1 << 30, "M": 1 << 20, "K": 1 << 10, "": 1}


def parse_duration_s(text: str) -> float:
    """Return a duration in seconds.

    >>> parse_duration_s("250ms"), parse_duration_s("15m")
    (0.25, 900.0)

    Raises:
        ValueError: `text` is not a whole number and one of ms, s, m, h, d.
    """
    if not (found := _DURATION.fullmatch(text)):
        raise ValueError(f"not a duration: {text!r}")
    return int(found[1]) * _DURATION_MS[found[2]] / 1000


def shown_duration(seconds: float) -> str:
    """Return a duration in its largest whole unit.

    >>> shown_duration(900), shown_duration(1.5)
    ('15m', '1500ms')
    """
    millis = round(seconds * 1000)
    if millis == 0:
        return "0s"
    unit = next(unit for unit, size in _DURATION_MS.items() if millis % size == 0)
    return f"{millis // _DURATION_MS[unit]}{unit}"


def parse_size_bytes(text: str) -> int:
    """Return a size in bytes; units are 1024-based, `MB` and `MiB` are the same.

    >>> parse_size_bytes("16MiB") == parse_size_bytes("16MB") == 16 * 1024 * 1024
    True

    Raises:
        ValueError: `text` is not a whole number and one of B, KB, MB, GB, TB.
    """
    if not (found := _SIZE.fullmatch(text)):
        raise ValueError(f"not a size: {text!r}")
    return int(found[1]) * _SIZE_BYTES[(found[2] or "").upper()]


def shown_size(size_bytes: int) -> str:
    """Return a size in its largest whole unit.

    >>> shown_size(1024), shown_size(1000), shown_size(0)
    ('1KB', '1000B', '0B')
    """
    if size_bytes == 0:
        return "0B"
    unit = next(unit for unit, size in _SIZE_BYTES.items() if size_bytes % size == 0)
    return f"{size_bytes // _SIZE_BYTES[unit]}{unit}B"
