"""What in a session is its owner's to keep.

The daemon may read every file of the machine, so that it can open something says
nothing. What it keeps comes back by a restore to the session's owner, who may have
brought a file there, by a link or a rename, that only somebody else may read. So what
is another user's is kept only if the owner could read it as well.
"""

import os
import stat
from typing import Literal, Protocol

Theirs = Literal[
    "hard link to a file of another user",
    "only another user may read it",
]
"""Why something is not the session's."""


class Whose(Protocol):
    """Whose a session is."""

    @property
    def uid(self) -> int:
        """The user."""

    @property
    def gid(self) -> int:
        """And a group of that user."""


def objection(found: os.stat_result, whose: Whose) -> Theirs | None:
    """Return why a file or directory is none that a session's owner may have kept.

    A file with several names may be known to its owner by the other ones alone, and
    be closed to everybody the next moment: then a link is all that is left of it.
    """
    if found.st_uid == whose.uid:
        return None
    if not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1:
        return "hard link to a file of another user"
    if whose.uid == 0:
        return None
    bits = found.st_mode >> 3 if found.st_gid == whose.gid else found.st_mode
    wanted = 0o5 if stat.S_ISDIR(found.st_mode) else 0o4
    return None if bits & wanted == wanted else "only another user may read it"
