"""Proofs as JSON documents: what the last check and the last drill came to."""

import datetime
from typing import Literal

import msgspec


class ProofDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The last check of everything, or the last drill, of all hosts."""

    kind: Literal["check", "drill"]
    is_well: bool
    ended_at: datetime.datetime
    host: str | None
    detail: str
    """What was looked at, or what is wrong, in words."""
