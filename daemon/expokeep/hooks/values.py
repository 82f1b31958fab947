"""What a hook's runner is told, and what it answers. Both are one line of JSON."""

from typing import Literal

import msgspec

Outcome = Literal[
    "passed", "failed", "timed out", "killed", "no room", "refused", "not restored"
]
"""Ended with 0; with another status; took too long; by a signal; took the disk that the
spool needs; the kernel gives no cell; the version could not be brought."""

OUTPUT_BYTES = 64 * 1024
"""Of what a command prints the end is kept."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one command may take."""

    timeout_s: float
    cpu_s: int
    """Of each process."""
    memory_bytes: int
    """Addresses of each process."""
    file_size_bytes: int
    processes: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One command on one version."""

    session: str
    seq: int
    command: tuple[str, ...]
    socket: str
    """Where the daemon hands out the version."""
    scratch: str
    """A directory that nobody else can reach; all that is made is made below it."""
    uid: int
    """Whose the command runs as, and its group. Our own: there is no root to change."""
    readable: tuple[str, ...]
    """What is seen of this host, beside the version."""
    limits: Limits
    min_free_bytes: int
    """Of the scratch's disk; a command that takes it is ended."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    outcome: Outcome
    status: int | None = None
    """The exit status, if it ended by itself."""
    signal: int | None = None
    took_s: float = 0.0
    """Of the command alone."""
    output: str = ""
    is_cut: bool = False
    """There was more, before it."""
    reason: str = ""
    """Why, in words, unless it ended by itself."""
