"""Asks Postgres and the bucket from this process: the same engine, without a daemon."""

import contextlib
import os
import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Literal

from expokeep import concealing, wiring
from expokeep import log as logs
from expokeep.catalog.past_values import Viewer
from expokeep.cli.options import Options
from expokeep.errors import TimedOut, UsageError
from expokeep.history.blame_documents import Blame
from expokeep.history.documents import (
    Difference,
    Finding,
    SessionList,
    TreeListing,
    VersionShown,
)
from expokeep.history.history import History, Sort
from expokeep.history.version_log import LogWish, VersionLog
from expokeep.model.digest import Digest, parse_digest
from expokeep.model.names import parse_session_id
from expokeep.restore.blob import Blob
from expokeep.restore.local import Home
from expokeep.restore.run import Result
from expokeep.restore.source import Arrival, Offer, Source
from expokeep.settings.load import Loaded, load
from expokeep.settings.places import find_config
from expokeep.settings.secrets import secrets_in
from expokeep.settings.values import Settings

SORTS: dict[str, Sort] = {"age": "age", "rpo": "rpo", "size": "size"}

LEVELS = ("warning", "info", "debug")
"""Of the log, by the number of -v."""


def loaded(options: Options, **flags: object) -> Loaded:
    """Return the settings that a daemon with these options would have.

    Raises:
        UsageError: somebody's rights were to be heeded, which only the daemon does.
    """
    if options.behalf is not None:
        error = UsageError("only the daemon can act for a user")
        error.hint = "Leave --as and EXPOKEEP_AS out, or ask the daemon."
        raise error
    found = load(
        path=find_config(os.environ, options.config),
        environ=os.environ,
        flags={"state-dir": options.state_dir, **flags},
    )
    concealing.conceal(secrets_in(found.settings, os.environ))
    return found


def quietly(options: Options) -> None:
    """Tell of what happens below only as much as the caller asked for."""
    logs.configure(level=LEVELS[min(options.verbose, len(LEVELS) - 1)])


@contextlib.contextmanager
def direct(options: Options, *, parallelism: int | None = None) -> Iterator["Direct"]:
    """Hold the engine.

    Raises:
        ConfigError: Postgres or the bucket is not configured here.
        TimedOut: the caller's time ran out, whatever was under way.
    """
    settings = loaded(options, **{"restore.parallelism": parallelism}).settings
    quietly(options)
    home = wiring.home_in(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(within(options.timeout_s))
        if options.from_bucket:
            alone = stack.enter_context(wiring.reading_alone(settings))
            yield Direct(alone.history, _Following(alone.source, settings), home)
        else:
            reading = stack.enter_context(wiring.reading(settings))
            yield Direct(reading.history, _Following(reading.source, settings), home)


@dataclass(frozen=True, slots=True)
class _Following:
    """A source that tells as well what this site runs after a restore."""

    held: Source
    settings: Settings

    def offer(self, version: str) -> Offer:
        offer = self.held.offer(version)
        return replace(offer, after=wiring.after_restore_of(self.settings))

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        return self.held.blobs(offer, digests)

    def arriving(self, arrival: Arrival) -> None:
        self.held.arriving(arrival)


@contextlib.contextmanager
def within(timeout_s: float | None) -> Iterator[None]:
    """Interrupt what is inside once its time has run out.

    By an alarm: no driver has a limit for all that it is asked in the end.
    """
    if timeout_s is None:
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimedOut(f"not done after {timeout_s:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    # Never zero: that would be no alarm at all.
    signal.setitimer(signal.ITIMER_REAL, max(timeout_s, 1e-6))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True, slots=True)
class Direct:
    """Implements `asking.Asked` in this process."""

    history: History
    held: Source
    homes: Home

    def sessions(
        self, *, user: str | None, prefix: str, limit: int, sort: str
    ) -> SessionList:
        """Return sessions."""
        if (by := SORTS.get(sort)) is None:
            raise UsageError(f"sort by {', '.join(SORTS)}, not by {sort!r}")
        return self.history.sessions(owner=user, prefix=prefix, limit=limit, sort=by)

    def log(self, session: str, wish: LogWish) -> VersionLog:
        """Return the versions of a session, newest first."""
        return self.history.log(session, wish)

    def show(self, ref: str) -> VersionShown:
        """Return one version in full."""
        return self.history.show(ref)

    def ls(self, ref: str, path: bytes) -> TreeListing:
        """Return what a version has at a path and below."""
        return self.history.ls(ref, path)

    def cat(self, ref: str, path: bytes) -> Iterator[bytes]:
        """Return the contents of a file."""
        return self.history.cat(ref, path)

    def find(self, glob: bytes, sessions: Collection[str]) -> Finding:
        """Return every path that ever matched."""
        return self.history.find(glob, list(sessions))

    def holders(self, digest: str, sessions: Collection[str]) -> Finding:
        """Return every path that ever had some contents."""
        wanted = parse_digest(digest)
        return self.history.holders(wanted, Viewer(), list(sessions))

    def blame(self, ref: str, path: bytes) -> Blame:
        """Return whose each line of a file is."""
        return self.history.blame(ref, path)

    def diff(
        self,
        old: str | None,
        new: str,
        paths: Collection[bytes],
        detail: Literal["names", "stat", "patch"],
    ) -> Difference:
        """Return what turns one version into another."""
        return self.history.diff(old, new, paths, detail)

    def source(self) -> Source:
        """Return what a restore is fed from."""
        return self.held

    def restored(self, result: Result | None) -> None:
        """Tell nobody: there is no daemon, or it was not to be asked."""

    def home(self, session: str) -> Path | None:
        """Return the directory in which a session would live on this host."""
        return self.homes(parse_session_id(session))
