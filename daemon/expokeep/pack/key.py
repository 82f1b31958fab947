"""The key of a pack: where it lies in the bucket, and what can be told from it.

`<scope>/<session>/<seq, 10 digits>-<level>-<uuid>.tar.zst` below a prefix, which is
`v1/` unless the deployment chose another. A key is unique and never used twice; its seq
is provisional.
"""

import re
import uuid
from dataclasses import dataclass

from expokeep.model.names import SessionId, parse_session_id
from expokeep.pack.format import check_scope

PREFIX = "v1/"
"""Of all packs of this format, unless a deployment puts them elsewhere."""

_KEY = re.compile(
    r"(?P<scope>[^/]+)/(?P<session>[^/]+)/"
    r"(?P<seq>[0-9]{10})-(?P<level>[0-9])-(?P<pack>[0-9a-f-]{36})\.tar\.zst"
)


@dataclass(frozen=True, slots=True)
class PackName:
    """What the key of a pack says."""

    scope: str
    session: SessionId
    seq: int
    level: int
    pack: uuid.UUID

    def __post_init__(self) -> None:
        check_scope(self.scope)
        parse_session_id(self.session)
        if not 0 <= self.seq < 10**10 or not 0 <= self.level <= 9:
            raise ValueError(f"no key holds seq {self.seq} and level {self.level}")


def pack_key(name: PackName, prefix: str = PREFIX) -> str:
    """Return the key of a pack below `prefix`, which ends in a slash or is empty.

    >>> pack_key(PackName("main", SessionId("shop"), 17, 0, uuid.UUID(int=1)))
    'v1/main/shop/0000000017-0-00000000-0000-0000-0000-000000000001.tar.zst'
    """
    return (
        f"{prefix}{name.scope}/{name.session}/"
        f"{name.seq:010}-{name.level}-{name.pack}.tar.zst"
    )


def parse_pack_key(key: str, prefix: str = PREFIX) -> PackName:
    """Return what a key says: `parse_pack_key(pack_key(name, p), p) == name`.

    Raises:
        ValueError: it is not the key of a pack.
    """
    found = _KEY.fullmatch(key.removeprefix(prefix))
    if found is None:
        raise ValueError(f"not the key of a pack: {key!r}")
    name = PackName(
        found["scope"],
        parse_session_id(found["session"]),
        int(found["seq"]),
        int(found["level"]),
        uuid.UUID(found["pack"]),
    )
    if pack_key(name, prefix) != key:
        raise ValueError(f"not the key of a pack, as we write it: {key!r}")
    return name
