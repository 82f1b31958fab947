"""Whether what stands in the place of a session is another user's."""

import contextlib
from dataclasses import replace
from pathlib import Path

from expokeep.cli.asking import client
from expokeep.cli.options import Options
from expokeep.cli.remote import decode
from expokeep.errors import ExpokeepError, TargetExists
from expokeep.history.documents import Status

_ASK_S = 3.0
"""A session that could start does not wait longer for this."""


def require_own(options: Options, session: str, directory: Path) -> None:
    """Refuse a directory that somebody else has put in the place of a session.

    Only the daemon knows whose a session is. While it is away, what stands may start.

    Raises:
        TargetExists: it is neither root's nor the session's own user's.
    """
    if options.direct:
        return
    owners: set[int | None] = set()
    owner = 0
    with contextlib.suppress(ExpokeepError, FileNotFoundError):
        daemon = client(replace(options, timeout_s=_ASK_S))
        daemon.patience_s = 0.0
        found = decode(daemon.get("/v1/status", session=session), Status)
        owners = {one.uid for one in found.sessions if one.session == session}
        owner = directory.lstat().st_uid
    if owner == 0 or not owners or owners & {None, owner}:
        return
    error = TargetExists(f"{directory} is not of the user of session {session}")
    error.hint = "Somebody has taken its place: look at it, and have it moved away."
    raise error
