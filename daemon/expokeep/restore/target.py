"""The place where a restore is to go: looked at before anything is fetched.

Whatever the file system refuses there becomes an error that says what to do. None of
these is "not found": a caller takes that for "nothing was ever kept".
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from expokeep.errors import ExpokeepError, NoSpace, TargetExists
from expokeep.model import size
from expokeep.model.names import for_terminal
from expokeep.model.tree import Tree, size_bytes
from expokeep.restore.plan import Target
from expokeep.restore.source import Reserve
from expokeep.worktree import checkout

_ROOM_TO_SPARE_BYTES = 64 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


class TargetUnusable(ExpokeepError):
    """The file system does not let us work at the target."""

    hint = "Name another place with --to DIR, or run it as a user who may write there."


def name_of(target: Path) -> str:
    """Return a target as messages name it."""
    return for_terminal(os.fsencode(target))


def state(target: Path) -> Target:
    """Return what is at the target.

    Raises:
        TargetExists: something is there that can be no project.
        TargetUnusable: nobody can tell, or there is no directory to make it in.
    """
    with refusals_named(target):
        if not target.name:
            raise TargetUnusable(f"{name_of(target)} cannot be a project")
        try:
            is_link = stat.S_ISLNK(target.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            _require_parent(target)
            return "missing"
        if not target.is_dir():
            what = "a link to nothing that can be used" if is_link else "no directory"
            error = TargetExists(f"{name_of(target)} exists, and is {what}")
            error.hint = "Remove it, or name another place with --to DIR."
            raise error
        return "empty" if checkout.is_empty_directory(target) else "occupied"


def require_room(target: Path, tree: Tree, reserve: Reserve | None = None) -> None:
    """Check that a tree can be written beside the target.

    Raises:
        NoSpace: there is no room for its bytes, or for its inodes, or it would take
            what the disk has in reserve.
        TargetUnusable: we may not write there.
    """
    above = name_of(target.parent)
    with refusals_named(target):
        found = os.statvfs(target.parent)
    if not os.access(target.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise TargetUnusable(f"{above} is not ours to write in")
    needed_bytes, free_bytes = size_bytes(tree), found.f_bavail * found.f_frsize
    if free_bytes < needed_bytes + _ROOM_TO_SPARE_BYTES:
        raise NoSpace(f"{above} has no room for {size.shown(needed_bytes)}")
    if reserve is not None and target.parent.stat().st_dev == reserve.device:
        _require_reserve(above, free_bytes - needed_bytes, reserve)
    if found.f_files and found.f_favail < len(tree) + 1:
        raise NoSpace(f"{above} has no room for {len(tree)} more inodes")


def _require_reserve(above: str, left_bytes: int, reserve: Reserve) -> None:
    """Check that a restore leaves the spool its room: captures go on, restores wait."""
    if left_bytes >= reserve.size_bytes:
        return
    kept = size.shown(reserve.size_bytes)
    error = NoSpace(f"{above} has no room to spare: {kept} of its disk stay free")
    error.hint = (
        "They are for what is not in the bucket yet (spool.min-free). Make room on "
        "this disk, or name a directory on another one with --to DIR."
    )
    raise error


@contextlib.contextmanager
def refusals_named(target: Path) -> Iterator[None]:
    """Turn what the file system refuses into errors that name the target.

    Raises:
        NoSpace: the disk, or the caller's part of it, is full.
        TargetUnusable: anything else.
    """
    try:
        yield
    except OSError as error:
        reason = f"cannot restore to {name_of(target)}: {error.strerror or error}"
        kind = NoSpace if error.errno in _FULL else TargetUnusable
        raise kind(reason) from error


def _require_parent(target: Path) -> None:
    above = target.parent
    if above.is_dir():
        return
    if os.path.lexists(above):
        raise TargetUnusable(f"{name_of(above)} is no directory")
    error = TargetUnusable(f"{name_of(above)} does not exist")
    error.hint = "Create it first: only the last directory of a target is made."
    raise error
