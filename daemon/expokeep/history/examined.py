"""What a doctor found, as the daemon and `expokeep doctor --json` tell it."""

from typing import Literal

import msgspec


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a doctor looks at."""

    name: str
    state: Literal["ok", "warning", "error"]
    detail: str
    hint: str = ""
    code: str = ""
    """The name, for programs: it never changes."""
    fix: str = ""
    """What `doctor --fix` would do about it; empty where that is for a person."""


class DaemonSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be known of a daemon to look at its machine from outside."""

    pid: int
    watch: tuple[tuple[str, str], ...]
    """Directories, each with the pattern of the names of sessions."""
    state_dir: str
    socket_group: str
    flush_timeout_s: float
    max_sessions: int
    watches_used: int
    secret_files: tuple[str, ...]
