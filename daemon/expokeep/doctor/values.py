"""What a look finds, and what would mend it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a finding without touching what is kept."""

    words: str
    """What a person would type, or what is done, in a line."""
    act: Callable[[], None]
    """Does it. Raises OSError or ExpokeepError where it cannot."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str
    hint: str = ""
    fix: Fix | None = None

    @property
    def code(self) -> str:
        """The name for programs, which never changes."""
        return code_of(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is to be known of a daemon to look at its machine from outside."""

    watch: tuple[tuple[Path, str], ...]
    """Directories that sessions are made in, each with the pattern of their names."""
    state_dir: Path
    group: str
    """Of those who may do what root may."""
    flush_timeout_s: float
    max_sessions: int
    secret_files: tuple[Path, ...] = ()
    """Files in which secrets are."""
    pid: int | None = None
    """None where none runs."""
    watches_used: int | None = None


def code_of(name: str) -> str:
    """Return the name of a check as programs spell it.

    >>> code_of("app's tables"), code_of("TimeoutStopSec")
    ('apps-tables', 'timeoutstopsec')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("'", ""))
