"""Whom a verb asks: the daemon on its socket, or the engine in this process."""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal, Protocol

from expokeep.cli.options import Options
from expokeep.control.client import Client
from expokeep.errors import UsageError
from expokeep.history.blame_documents import Blame
from expokeep.history.documents import (
    Difference,
    Finding,
    SessionList,
    TreeListing,
    VersionShown,
)
from expokeep.history.version_log import LogWish, VersionLog
from expokeep.restore.run import Result
from expokeep.restore.source import Source
from expokeep.settings.places import client_locations


class Asked(Protocol):
    """Answers the verbs that only read, and hands out versions."""

    def sessions(
        self, *, user: str | None, prefix: str, limit: int, sort: str
    ) -> SessionList:
        """Return sessions."""
        ...

    def log(self, session: str, wish: LogWish) -> VersionLog:
        """Return the versions of a session, newest first."""
        ...

    def show(self, ref: str) -> VersionShown:
        """Return one version in full."""
        ...

    def ls(self, ref: str, path: bytes) -> TreeListing:
        """Return what a version has at a path and below."""
        ...

    def cat(self, ref: str, path: bytes) -> Iterator[bytes]:
        """Return the contents of a file."""
        ...

    def find(self, glob: bytes, sessions: Collection[str]) -> Finding:
        """Return every path that ever matched."""
        ...

    def holders(self, digest: str, sessions: Collection[str]) -> Finding:
        """Return every path that ever had some contents."""
        ...

    def blame(self, ref: str, path: bytes) -> Blame:
        """Return whose each line of a file is."""
        ...

    def diff(
        self,
        old: str | None,
        new: str,
        paths: Collection[bytes],
        detail: Literal["names", "stat", "patch"],
    ) -> Difference:
        """Return what turns one version into another."""
        ...

    def source(self) -> Source:
        """Return what a restore is fed from."""
        ...

    def restored(self, result: Result | None) -> None:
        """Learn how a restore ended: what came of it, or None if it failed."""
        ...

    def home(self, session: str) -> Path | None:
        """Return the directory in which a session lives here, if it may be there."""
        ...


PATIENCE_S = 10.0
"""How long somebody waits for a seat."""


@contextlib.contextmanager
def asking(
    options: Options, *, parallelism: int | None = None, patience_s: float = PATIENCE_S
) -> Iterator[Asked]:
    """Hold whom to ask: as the caller chose, never one instead of the other.

    `patience_s` is how long a daemon may have no seat for us.
    """
    if options.from_bucket and not options.direct:
        raise UsageError("--from-bucket goes together with --direct")
    if options.direct:
        from expokeep.cli.direct import direct  # noqa: PLC0415 - imports the drivers

        with direct(options, parallelism=parallelism) as engine:
            yield engine
        return
    from expokeep.cli.remote import Remote  # noqa: PLC0415 - its counterpart

    daemon = client(options)
    daemon.patience_s = patience_s
    yield Remote(daemon)


def client(options: Options, *, for_itself: bool = False) -> Client:
    """Return the daemon: on the socket that was named, or where it usually is.

    `for_itself` asks it on nobody's behalf, whatever the caller said.

    Raises:
        UsageError: the caller wanted to do without it.
    """
    if options.direct:
        error = UsageError("only the daemon can do this; leave --direct out")
        error.hint = "Without it work restore, exec, and the verbs that only read."
        raise error
    places = client_locations(
        os.environ, {"state-dir": options.state_dir, "socket.path": options.socket}
    )
    # `access`, because `exists` raises where a state directory is closed to this user.
    there = [path for path in places.sockets if os.access(path, os.F_OK)]
    found = next(iter(there), places.sockets[0])
    user = None if for_itself else options.behalf
    asked = Client(found, options.timeout_s, user=user)
    asked.patience_s = PATIENCE_S
    return asked
