"""How well the daemon sees, as part of a status."""

import msgspec


class WatchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How well the daemon sees."""

    sessions: int
    watches: int
    degraded: tuple[str, ...] = ()
    overflows: int = 0
    invalid_names: tuple[str, ...] = ()
