"""Digests: the names of contents. SHA-256, 32 bytes, everywhere."""

import hashlib
from typing import NewType

Digest = NewType("Digest", bytes)
"""The SHA-256 of some contents, as 32 bytes. Shown as `sha256:<hex>`."""

SIZE_BYTES = 32


def digest_of(contents: bytes | memoryview) -> Digest:
    """Return the digest of contents that are in memory.

    >>> digest_of(b"").hex()[:8]
    'e3b0c442'
    """
    return Digest(hashlib.sha256(contents).digest())


def parse_digest(text: str) -> Digest:
    """Return the digest that `text` names: 64 lower-case hex digits.

    Raises:
        ValueError: `text` is not a SHA-256 in lower-case hex.
    """
    raw = bytes.fromhex(text)
    if len(raw) != SIZE_BYTES or raw.hex() != text:
        raise ValueError(f"not a SHA-256: {text!r}")
    return Digest(raw)


def shown(digest: Digest) -> str:
    """Return a digest as people and logs see it.

    >>> shown(Digest(bytes(32)))[:12]
    'sha256:00000'
    """
    return f"sha256:{digest.hex()}"
