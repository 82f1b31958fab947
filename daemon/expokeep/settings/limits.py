"""Settings of what is too much: of what goes at once, and of what is kept of a user."""

from dataclasses import dataclass

from expokeep.settings.declare import setting
from expokeep.settings.kinds import choice, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What may not become the newest version by itself.

    A version that loses more than max-delete-percent of the files of the one before it,
    and at least min-files-lost, is parked: kept beside the head until somebody accepts
    it, or its files are back.
    """

    max_delete_percent: int = setting(
        whole(0, 100), "50", "Of the files before; 100 never parks."
    )
    min_files_lost: int = setting(
        whole(1, 1_000_000), "5", "Fewer may go, whatever part of all they are."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is kept of a user. What is kept already is never lost by it."""

    max_build_size_mb: int = setting(
        whole(1, 1_048_576),
        "500",
        "Megabytes of the files of one build.",
        env="MAX_BUILD_SIZE_MB",
    )
    on_build_too_big: str = setting(
        choice("partial", "reject"),
        "partial",
        "partial keeps a larger build without its largest files, and says which; "
        "reject leaves it at its last version until it is smaller.",
    )
    max_builds_per_user: int = setting(
        whole(1, 1_000_000),
        "50",
        "Builds of one user; `expokeep quota set` allows one user more, or less.",
        env="MAX_BUILDS_PER_USER",
    )
    on_too_many_builds: str = setting(
        choice("reject", "evict-oldest-unpinned"),
        "reject",
        "reject parks one build too many, and refuses what a person asks for; "
        "evict-oldest-unpinned deletes the build that was used longest ago.",
    )
