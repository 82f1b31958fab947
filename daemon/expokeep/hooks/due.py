"""Whether a restored directory still waits for the site's command, such as `npm ci`.

The mark is an extended attribute of the directory itself: it goes where the directory
goes, no version has it, and who may not write there cannot make one. Where a file
system has no such attributes there is no mark; then a command that failed is not run
again by itself.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_NAME = "user.expokeep.after-restore"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[int]:
    """Hold a directory, so that all that follows is of the same one.

    Raises:
        OSError: there is none, or it is a link.
    """
    descriptor = os.open(directory, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def mark(directory: Path) -> None:
    """Note that the command is due in a directory."""
    with contextlib.suppress(OSError), opened(directory) as descriptor:
        os.setxattr(descriptor, _NAME, b"due")


def is_marked(directory: Path) -> bool:
    """Return whether the command is due in a directory."""
    with contextlib.suppress(OSError), opened(directory) as descriptor:
        return _NAME in os.listxattr(descriptor)
    return False


def clear(descriptor: int) -> None:
    """Note that it was run, and ended well."""
    with contextlib.suppress(OSError):
        os.removexattr(descriptor, _NAME)
