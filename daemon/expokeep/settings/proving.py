"""Settings of what proves that everything is still there."""

from dataclasses import dataclass

from expokeep.settings.declare import setting
from expokeep.settings.kinds import Kind, duration, size, whole
from expokeep.settings.subsets import ALLOWED, parse_subset


def _subset(given: str) -> str:
    parse_subset(given)
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Looking for damage: what the catalog names against what the bucket holds."""

    interval_s: float = setting(
        duration("1m", "365d"), "24h", "By one of all daemons. Costs a listing."
    )
    read_data_subset: str = setting(
        Kind(ALLOWED, _subset),
        "1%",
        "So much of all bytes is read and proved each time, other packs each time: "
        "with 1% a day every byte is proved in about three months.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """Restoring a version at random from the bucket alone, and proving it."""

    interval_s: float = setting(
        duration("1m", "365d"), "6h", "By one of all daemons, in its state directory."
    )
    max_per_day: int = setting(whole(0, 100_000), "24", "0 for never.")
    max_bytes_per_day: int = setting(
        size("0B", "1024TB"), "2GB", "Larger versions are not drilled."
    )
