"""Settings of what is forgotten, and when."""

from dataclasses import dataclass

from expokeep.settings.declare import setting
from expokeep.settings.kinds import SWITCH, duration, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long builds and their versions are kept.

    A build that nobody comes for is deleted, can be had back for a while, and then its
    bytes are freed. Of the others versions are forgotten by rule; never the newest one,
    what is pinned, or what others go out from.
    """

    days: int = setting(
        whole(1, 36500),
        "30",
        "Since the last access (save, restore, import). A build of which a person "
        "pinned a version stays for ever.",
        env="BUILD_RETENTION_DAYS",
    )
    warn_before_s: float = setting(
        duration("0s", "365d"),
        "3d",
        "So long before a build expires `status` and `list` say so, and an event does.",
    )
    keep_last: int = setting(
        whole(1, 1_000_000), "50", "The newest versions of each build."
    )
    keep_hourly: int = setting(
        whole(0, 1_000_000),
        "24",
        "The newest version of each of so many hours in which there is one; UTC.",
    )
    keep_daily: int = setting(whole(0, 100_000), "30", "The same for days.")
    keep_weekly: int = setting(whole(0, 10_000), "0", "The same for weeks.")
    keep_labels: bool = setting(SWITCH, "true", "All versions that have a label.")
    grace_s: float = setting(
        duration("0s", "365d"),
        "7d",
        "So long what is deleted can be had back, and what nobody needs stays in the "
        "bucket. Not less than your oldest usable backup of Postgres is old, nor than "
        "the longest restore takes.",
    )
    gc_interval_s: float = setting(
        duration("1m", "365d"),
        "6h",
        "How often this is done, by one of all daemons.",
    )
