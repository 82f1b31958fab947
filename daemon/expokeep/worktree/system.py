"""System calls that Python 3.11 has no name for: `statx` and `renameat2`.

Each is a thin door: bytes and descriptors in, a value or an `OSError` out.
"""

import ctypes
import errno
import os
import struct
from dataclasses import dataclass

_libc = ctypes.CDLL(None, use_errno=True)

_AT_EMPTY_PATH = 0x1000
_STATX_BTIME = 0x800
_STATX_MNT_ID = 0x1000
_STATX_BYTES = 256
_STATX_MASK_AT = 0
_STATX_BTIME_AT = 80
_STATX_MNT_ID_AT = 144

_SYNC_FILE_RANGE_WRITE = 2
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2


@dataclass(frozen=True, slots=True)
class Details:
    """What `stat` leaves out."""

    birth_ns: int
    """Zero where the file system keeps no time of birth."""
    mount: int
    """Which mount this is on; zero before Linux 5.8."""


def is_our_own(error: OSError) -> bool:
    """Return whether an error tells of us, and nothing of what was to be opened.

    Who is out of descriptors or memory has not seen that a file cannot be read.

    >>> is_our_own(OSError(errno.EMFILE, "")), is_our_own(OSError(errno.EACCES, ""))
    (True, False)
    """
    return error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def details(descriptor: int) -> Details:
    """Return the birth and the mount of what is open.

    Raises:
        OSError: as `statx(2)`.
    """
    buffer = ctypes.create_string_buffer(_STATX_BYTES)
    wanted = _STATX_BTIME | _STATX_MNT_ID
    if _libc.statx(descriptor, b"", _AT_EMPTY_PATH, wanted, buffer) != 0:
        raise _error()
    (mask,) = struct.unpack_from("I", buffer, _STATX_MASK_AT)
    seconds, nanos = struct.unpack_from("qI", buffer, _STATX_BTIME_AT)
    (mount,) = struct.unpack_from("Q", buffer, _STATX_MNT_ID_AT)
    return Details(
        birth_ns=seconds * 1_000_000_000 + nanos if mask & _STATX_BTIME else 0,
        mount=mount if mask & _STATX_MNT_ID else 0,
    )


def rename_new(parent: int, old: bytes, new: bytes) -> None:
    """Rename within a directory; never over something that is there.

    Raises:
        FileExistsError: `new` is there already.
    """
    _renameat2(parent, old, parent, new, _RENAME_NOREPLACE)


def rename_between(old_parent: int, new_parent: int, name: bytes) -> None:
    """Move a name from one directory to another; never over something that is there.

    Raises:
        FileNotFoundError, FileExistsError: nothing was done.
    """
    _renameat2(old_parent, name, new_parent, name, _RENAME_NOREPLACE)


def exchange(parent: int, one: bytes, other: bytes) -> None:
    """Swap two names in a directory in one step."""
    _renameat2(parent, one, parent, other, _RENAME_EXCHANGE)


def begin_sync(descriptor: int) -> None:
    """Have the contents of a file written to disk from now on; wait for nothing.

    A hint, and never an error: who must be sure calls `sync_file_system` at the end,
    which then finds little left to wait for.
    """
    nothing = ctypes.c_int64(0)  # from the start to the end
    _libc.sync_file_range(descriptor, nothing, nothing, _SYNC_FILE_RANGE_WRITE)


def sync_file_system(descriptor: int) -> None:
    """Wait until the file system of what is open is on disk."""
    if _libc.syncfs(descriptor) != 0:
        raise _error()


def _renameat2(
    old_parent: int, old: bytes, new_parent: int, new: bytes, flags: int
) -> None:
    if _libc.renameat2(old_parent, old, new_parent, new, flags) != 0:
        raise _error()


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
