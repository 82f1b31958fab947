"""The rules of the journeys, as the settings of a process say."""

from pathlib import Path

from expokeep.model.guard import Limits
from expokeep.model.quota import QuotaRules
from expokeep.pack.zstd import STORED
from expokeep.retention.merge import ZSTD_LEVEL
from expokeep.retention.plan import Rules
from expokeep.settings.values import Settings
from expokeep.snapshot.allowance import Limits as Early
from expokeep.snapshot.values import Policy

SCOPE = "main"
"""One for the deployment: contents are stored once across all sessions."""

MEGABYTE = 1 << 20

ANY_LABEL = ("*",)

LEVELS = {
    "off": (STORED, STORED),
    "fastest": (1, 1),
    "auto": (3, 6),
    "better": (7, 9),
    "max": (15, 19),
}
"""zstd levels of a first version and of later ones, by the setting `compression`."""


def policy_of(settings: Settings) -> Policy:
    """Return the rules of a snapshot."""
    base_level, incremental_level = LEVELS[settings.compression]
    return Policy(
        deletion_grace_s=settings.debounce.deletion_grace_s,
        max_file_bytes=settings.max_file_size_bytes,
        excludes=settings.excluded,
        ignore_file=settings.ignore_file,
        base_level=base_level,
        incremental_level=incremental_level,
        scope=SCOPE,
        key_prefix=settings.storage.prefix,
        fsync=settings.spool.fsync != "never",
        guard=guard_of(settings),
        max_build_bytes=settings.limits.max_build_size_mb * MEGABYTE,
        rejects_too_big=settings.limits.on_build_too_big == "reject",
    )


def merge_level_of(settings: Settings) -> int:
    """Return how much work goes into what lies long: nobody waits for it."""
    return STORED if settings.compression == "off" else ZSTD_LEVEL


def guard_of(settings: Settings) -> Limits:
    """Return how much a version may lose before somebody has to look at it."""
    guard = settings.guard
    return Limits(guard.max_delete_percent, guard.min_files_lost)


def early_limits_of(settings: Settings, descriptors: int) -> Early:
    """Return how much is taken early by a process that may open so many files."""
    spool = settings.spool
    return Early(
        copy_bytes=spool.eager_copy_bytes,
        # For a moment there may be twice as many: half of all there are.
        pinned=min(spool.pin_fds, descriptors // 4),
        total_bytes=spool.eager_max_size_bytes,
        max_file_bytes=settings.max_file_size_bytes,
        grace_s=settings.debounce.deletion_grace_s,
    )


def owner_of(settings: Settings, directory: Path) -> str | None:
    """Return whose the session in a directory is, if nobody claimed it."""
    owners = {watch.dir: watch.user for watch in settings.watch}
    return owners.get(directory.parent)


def quotas_of(settings: Settings) -> QuotaRules:
    """Return what users may have of whom nothing else was said."""
    limits = settings.limits
    return QuotaRules(
        max_builds=limits.max_builds_per_user,
        evicts=limits.on_too_many_builds == "evict-oldest-unpinned",
        max_build_bytes=limits.max_build_size_mb * MEGABYTE,
    )


def rules_of(settings: Settings) -> Rules:
    """Return which versions stay."""
    keep = settings.retention
    return Rules(
        last=keep.keep_last,
        hourly=keep.keep_hourly,
        daily=keep.keep_daily,
        weekly=keep.keep_weekly,
        labels=ANY_LABEL if keep.keep_labels else (),
    )
