"""Where an export goes: a file that has its name when all of it is there, or a pipe."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from expokeep.errors import ExpokeepError, NoSpace, TargetExists
from expokeep.model.names import for_terminal
from expokeep.worktree import system

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputUnusable(ExpokeepError):
    """The file system does not let us write there."""

    hint = "Name another place with -o."


def written(target: Path, chunks: Iterable[bytes], *, replace: bool = False) -> int:
    """Write a file that nobody else can read; return its size.

    It is written beside its place, synced, and renamed: nobody sees half of it.

    Raises:
        TargetExists: something is there, and it is not to be replaced.
        NoSpace, OutputUnusable: the file system does not let us.
    """
    with refusals_named(target):
        parent = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not replace and os.path.lexists(target):
                raise _exists(target)
            return _written(parent, os.fsencode(target.name), chunks, replace=replace)
        except FileExistsError:
            raise _exists(target) from None
        finally:
            os.close(parent)


def _written(
    parent: int, name: bytes, chunks: Iterable[bytes], *, replace: bool
) -> int:
    temporary = b".expokeep-export-" + secrets.token_hex(8).encode()
    descriptor = os.open(temporary, _NEW_FILE, 0o600, dir_fd=parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            size_bytes = sum(map(file.write, chunks))
            file.flush()
            os.fsync(descriptor)
        if replace:
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        else:
            system.rename_new(parent, temporary, name)
    except BaseException:
        os.unlink(temporary, dir_fd=parent)
        raise
    os.fsync(parent)
    return size_bytes


@contextlib.contextmanager
def refusals_named(target: Path) -> Iterator[None]:
    """Turn what the file system refuses into errors that name the target.

    Raises:
        NoSpace: the disk, or the caller's part of it, is full.
        OutputUnusable: anything else.
    """
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        named = for_terminal(os.fsencode(target))
        reason = f"cannot write {named}: {error.strerror or error}"
        kind = NoSpace if error.errno in _FULL else OutputUnusable
        raise kind(reason) from error


def _exists(target: Path) -> TargetExists:
    error = TargetExists(f"{for_terminal(os.fsencode(target))} exists")
    error.hint = "Name another place with -o, or replace a file with --force."
    return error
