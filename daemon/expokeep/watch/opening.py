"""Opens directories of people whom we do not trust, and says why it could not."""

import errno
import os

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What a name means that was a directory a moment ago, and that is all right."""

EXHAUSTED = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)
"""Not about this directory: the next one would fail as well."""

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_directory(path: bytes, at: int | None = None) -> int:
    """Open a directory, never through a symlink in its last component.

    Raises:
        OSError: its `errno` is in `GONE` if there is no directory of this name.
    """
    return os.open(path, _FLAGS, dir_fd=at)


def open_below(path: bytes, names: list[bytes]) -> int:
    """Open the directory that is reached from `path` through `names`, no symlinks.

    Raises:
        OSError: as for `open_directory`, of any of them.
    """
    fd = open_directory(path)
    for name in names:
        above = fd
        try:
            fd = open_directory(name, above)
        finally:
            os.close(above)
    return fd


def directories_in(fd: int) -> dict[bytes, int]:
    """Return the inodes of the directories in an open directory, by name."""
    with os.scandir(fd) as entries:
        return {
            os.fsencode(entry.name): entry.inode()
            for entry in entries
            if entry.is_dir(follow_symlinks=False)
        }


def errno_name(error: OSError) -> str:
    """Return the name of what went wrong.

    >>> errno_name(OSError(errno.ENOSPC, "no space"))
    'ENOSPC'
    """
    return errno.errorcode.get(error.errno or 0, "unknown")
