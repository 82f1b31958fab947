"""Whether what stands in the place of a session is another user's."""

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from expokeep.cli.asking import client
from expokeep.cli.options import Options
from expokeep.cli.remote import decode
from expokeep.errors import ExpokeepError, TargetExists
from expokeep.history.documents import Status
from expokeep.restore.target import name_of

_ASK_S = 3.0
"""A session that could start does not wait longer for this."""


def require_own(options: Options, session: str, directory: Path) -> None:
    """Refuse a directory that somebody else has put in the place of a session.

    Only the daemon knows whose a session is. While it is away, what stands may start.

    Raises:
        TargetExists: it is neither root's, nor the caller's, nor the session's user's.
    """
    try:
        owner = directory.lstat().st_uid
    except FileNotFoundError:
        return
    if options.direct or owner in (0, os.geteuid()):
        return
    owners = _owners(options, session)
    if not owners or owners & {None, owner}:
        return
    error = TargetExists(
        f"{name_of(directory)} is not of the user of session {session}"
    )
    error.hint = "Somebody has taken its place: look at it, and have it moved away."
    raise error


def _owners(options: Options, session: str) -> set[int | None]:
    """Return whose a session is, by each of its directories; nothing: nobody can tell.

    On nobody's behalf: a directory that is not its owner's is hidden from a user.
    """
    limit_s = min(options.timeout_s or _ASK_S, _ASK_S)
    with contextlib.suppress(ExpokeepError):
        daemon = client(replace(options, timeout_s=limit_s), for_itself=True)
        daemon.patience_s = 0.0
        found = decode(daemon.get("/v1/status", session=session), Status)
        return {one.uid for one in found.sessions if one.session == session}
    return set()
