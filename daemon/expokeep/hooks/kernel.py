"""The door to what the kernel offers and Python does not: namespaces, mounts, prctl.

Everything raises OSError with the kernel's own reason, and with what was asked for.
"""

import ctypes
import fcntl
import os
import socket
import struct

NEW_NS = 0x00020000
NEW_UTS = 0x04000000
NEW_IPC = 0x08000000
NEW_USER = 0x10000000
NEW_PID = 0x20000000
NEW_NET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_MNT_DETACH = 2
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_SYS_MOUNT_SETATTR = 442
"""The same on every architecture."""

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_FILTER = 2
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int, what: str) -> None:
    """Leave namespaces for new ones; those of pids are entered by the next child."""
    _checked(_libc.unshare(flags), what)


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount `source` at `target`."""
    words = [os.fsencode(text) or None for text in (source, target, kind)]
    result = _libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(data) or None)
    _checked(result, f"mount {target or '/'}")


def restrict(path: str, flags: int, *, below_too: bool = True) -> None:
    """Add attributes (`MS_RDONLY`, `MS_NOSUID`, ...) to a mount; none is taken away."""
    attributes = struct.pack("QQQQ", flags, 0, 0, 0)  # their numbers are the same
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(path),
        ctypes.c_uint(_AT_RECURSIVE if below_too else 0),
        attributes,
        ctypes.c_size_t(len(attributes)),
    )
    _checked(result, f"restrict {path}")


def change_root(root: str) -> None:
    """Make `root`, a mount, all there is; what was before is out of reach."""
    os.chdir(root)
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", _MNT_DETACH), "umount the old root")
    os.chdir("/")


def die_with_parent(number: int) -> None:
    """Get a signal when the parent's thread ends. A change of user takes it back."""
    _prctl(_PR_SET_PDEATHSIG, number, "PR_SET_PDEATHSIG")


def cannot_be_traced() -> None:
    """Let nobody without our rights look into this process."""
    _prctl(_PR_SET_DUMPABLE, 0, "PR_SET_DUMPABLE")


def no_new_privileges() -> None:
    """Let no program that is run from here on give more rights than we have."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS")


def forgo_capabilities() -> None:
    """Give up for good every capability that a program could get. Before `setuid`."""
    number = 0
    while _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) == 0:
        number += 1
    if not number:
        _checked(-1, "PR_CAPBSET_DROP")
    _checked(
        _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
        "PR_CAP_AMBIENT_CLEAR_ALL",
    )


def filter_calls(program: ctypes.Array[ctypes.c_char], length: int) -> None:
    """Let a filter of `length` lines judge every system call from here on."""
    head = struct.pack("HxxxxxxQ", length, ctypes.addressof(program))
    buffer = ctypes.create_string_buffer(head, len(head))
    _checked(
        _libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER), buffer, 0, 0),
        "PR_SET_SECCOMP",
    )


def raise_loopback() -> None:
    """Bring up `lo` of a network namespace of our own: nothing else is in it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def _prctl(option: int, value: int, what: str) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), what)
