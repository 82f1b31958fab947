"""How much may be kept of a user, and in which words it is said that it is too much.

A build is a session that has a head and is not deleted. A quota lets no more sessions
become builds of a user; it takes nothing away.
"""

from dataclasses import dataclass

OVER = "over quota: "
"""How the reason begins for which a version is parked that a quota lets not be head."""


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """What holds for a user of whom nothing else was said."""

    max_builds: int
    evicts: bool = False
    """One build too many makes the oldest go, instead of being refused."""
    max_build_bytes: int | None = None
    """Of one build; None: any size."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What was said of one user."""

    user: str
    max_builds: int | None
    """None: as the settings say."""
    max_bytes: int | None
    """Of all builds together, as their files are on disk; None: any."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a user has, and may have."""

    user: str
    builds: int
    size_bytes: int
    """Of the files of all builds, whatever is stored only once."""
    max_builds: int | None
    max_bytes: int | None
    waiting: int = 0
    """Sessions that are kept, parked, because they would be one build too many."""


def is_over(parked: str | None) -> bool:
    """Return whether a version is parked because of a quota.

    >>> is_over(OVER + "ann has 50 builds of 50"), is_over("lost 60 files")
    (True, False)
    """
    return parked is not None and parked.startswith(OVER)
