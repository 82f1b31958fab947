"""How a file of a session is opened to be read: only if it is the owner's to keep.

Whoever owns the session may swap what is below between any two system calls, so each
directory on the way and the file itself are judged by what is open.
"""

import errno
import os
from typing import Literal

from expokeep.model.own import Theirs, objection
from expokeep.worktree.root import DIRECTORY, Root, opened_in
from expokeep.worktree.system import details


class NotOwn(PermissionError):
    """Something is there, and is not the session's to keep."""

    def __init__(self, why: Theirs | Literal["other mount"]) -> None:
        super().__init__(errno.EPERM, why)
        self.why = why


def open_own(root: Root, path: bytes) -> int:
    """Open a regular file of a session for reading.

    Raises:
        NotOwn: it is not the session's, or lies in a directory that is not.
        OSError: as `root.open_file`.
    """
    *above, name = path.split(b"/")
    current = os.dup(root.descriptor)
    try:
        for part in above:
            following = os.open(part, DIRECTORY, dir_fd=current)
            os.close(current)
            current = following
            _refuse(objection(os.fstat(current), root))
        descriptor = opened_in(current, name)
    finally:
        os.close(current)
    try:
        _refuse(objection(os.fstat(descriptor), root))
        if details(descriptor).mount != root.mount:
            _refuse("other mount")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse(why: Theirs | Literal["other mount"] | None) -> None:
    if why is not None:
        raise NotOwn(why)
