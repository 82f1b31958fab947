"""Facts: what no pack can hold, as immutable objects beside the packs.

A fact is a row of the catalog as it became. Objects of facts lie at
`_meta/facts/<uuid>.json.zst` below the prefix; the last word on a row counts. An object
is named by what it holds: the same facts written twice are one object.
"""

import datetime
import hashlib
import uuid
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from expokeep.model.names import for_terminal
from expokeep.model.version import Trigger
from expokeep.pack import zstd
from expokeep.pack.format import PackDamaged

VERSION = 1
FACTS = "_meta/facts/"
"""Where objects of facts lie, below the prefix of a deployment."""
MAX_FACTS_BYTES = 256 * 1024 * 1024
"""What claims to hold more is not read."""

_LEVEL = 9
_SUFFIX = ".json.zst"

FactKind = Literal["session", "epoch", "version", "label", "template"]
_Utc = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class Fact(msgspec.Struct, frozen=True):
    """One row, as it became."""

    id: int
    """Ascends in a catalog. After a rebuild it begins anew: `at` goes before it."""
    at: _Utc
    """When it was written down; never before the fact before it."""
    kind: FactKind
    sid: str
    gone: bool
    body: msgspec.Raw
    """The row as JSON. What a reader does not know of it, it passes over."""


class SessionBody(msgspec.Struct, frozen=True):
    """What is read of a session's row."""

    root_uid: int
    root_gid: int
    root_mode: int
    last_seq: int
    created_at: _Utc
    accessed_at: _Utc
    owner: str | None = None
    project_name: str | None = None
    head_seq: int | None = None
    fence: int = 0
    host: uuid.UUID | None = None
    deleted_at: _Utc | None = None
    expired: bool = False


class EpochBody(msgspec.Struct, frozen=True):
    """What is read of an epoch's row."""

    number: int
    host: uuid.UUID
    device: int
    inode: int
    birth_ns: int
    started_at: _Utc
    base_seq: int | None = None
    ended_at: _Utc | None = None


class VersionBody(msgspec.Struct, frozen=True):
    """What is read of a version's row."""

    seq: int
    epoch: int
    pack: uuid.UUID
    taken_at: _Utc
    recorded_at: _Utc
    trigger: Trigger
    tree: str
    r"""As Postgres writes bytes in JSON: `\x` and hex digits."""
    file_count: int
    size_bytes: int
    parent_seq: int | None = None
    message: str | None = None
    author: str | None = None
    parked: str | None = None
    pinned: bool = False
    pinned_at: _Utc | None = None
    told_by: uuid.UUID | None = None
    origin_session: str | None = None
    origin_seq: int | None = None


class LabelBody(msgspec.Struct, frozen=True):
    """What is read of a label's row."""

    name: str
    seq: int
    labelled_at: _Utc


class TemplateBody(msgspec.Struct, frozen=True):
    """What is read of a template's row."""

    name: str
    seq: int
    created_at: _Utc
    uid: int
    owner: str = ""
    """Nobody's, if it is empty."""


class _Header(msgspec.Struct, frozen=True):
    v: int
    holds: Literal["facts"]
    count: int


_ENCODER = msgspec.json.Encoder(order="deterministic")
_HEADER = msgspec.json.Decoder(_Header)
_FACT = msgspec.json.Decoder(Fact)


def encode_facts(facts: Sequence[Fact]) -> tuple[uuid.UUID, bytes]:
    """Return the name of an object, and its bytes: one zstd frame of JSON lines."""
    header = _Header(VERSION, "facts", len(facts))
    raw = b"\n".join(map(_ENCODER.encode, (header, *facts))) + b"\n"
    return _name_of(facts[0].at, raw), zstd.compressed(raw, _LEVEL)


def decode_facts(data: bytes) -> list[Fact]:
    """Return the facts that an object holds.

    Raises:
        PackDamaged: it holds something else, or is damaged.
    """
    found = zstd.leading(data, MAX_FACTS_BYTES)
    if found is None or found[1] != len(data):
        raise PackDamaged("an object of facts is cut, or has something behind it")
    first, *lines = found[0].splitlines() or (b"",)
    try:
        header = _HEADER.decode(first)
        facts = [_FACT.decode(line) for line in lines]
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        said = for_terminal(str(error).encode())
        raise PackDamaged(f"a damaged object of facts: {said}") from error
    if header.v != VERSION or header.count != len(facts):
        raise PackDamaged(f"{len(facts)} facts where {header.count} should be")
    return facts


def facts_key(name: uuid.UUID, prefix: str) -> str:
    """Return the key of an object of facts below `prefix`.

    >>> facts_key(uuid.UUID(int=1), "v1/")
    'v1/_meta/facts/00000000-0000-0000-0000-000000000001.json.zst'
    """
    return f"{prefix}{FACTS}{name}{_SUFFIX}"


def is_facts_key(key: str, prefix: str) -> bool:
    """Return whether an object of facts is at this key."""
    return key.startswith(f"{prefix}{FACTS}") and key.endswith(_SUFFIX)


def _name_of(first_at: datetime.datetime, raw: bytes) -> uuid.UUID:
    """Return a UUIDv7 of the time of the first fact; its chance is what is told."""
    millis = max(0, round(first_at.timestamp() * 1000)) & (2**48 - 1)
    chance = int.from_bytes(hashlib.sha256(raw).digest()[:10], "big")
    high = (millis << 16) | 0x7000 | (chance >> 68)
    low = (0b10 << 62) | (chance & (2**62 - 1))
    return uuid.UUID(int=(high << 64) | low)
