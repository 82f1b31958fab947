"""Which system calls a command may not make: those that reach around its cell.

A filter of ours beside the namespaces. They already keep a command away from others; it
keeps the command away from the parts of the kernel where most holes have been found,
and from sockets that know no namespace (`AF_VSOCK` reaches the machine's own host).
"""

import ctypes
import errno
import os
import struct

from expokeep.hooks import kernel

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32 = 0x40000000
_NAMESPACES = 0x7E020080
"""All the flags of `clone` that make a namespace."""
_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink

_EVERYWHERE = (*range(425, 434), 442)
"""io_uring_*, open_tree, move_mount, fs*, mount_setattr: one number on all machines."""
_CLONE3 = 435

_MACHINES = {
    "x86_64": (
        0xC000003E,
        {
            *(101, 155, 161, 163, 164, 165, 166, 167, 168, 169, 175, 176),
            *(246, 248, 249, 250, 272, 298, 303, 304, 308, 310, 311, 313),
            *(320, 321, 323),
        },
        56,
        41,
    ),
    "aarch64": (
        0xC00000B7,
        {
            *(39, 40, 41, 51, 89, 97, 104, 105, 106, 117, 142, 170),
            *(217, 218, 219, 224, 225, 241, 264, 265, 268, 270, 271, 273),
            *(280, 282, 294),
        },
        220,
        198,
    ),
}
"""By machine: its name for itself; the numbers of ptrace, pivot_root, chroot, acct,
settimeofday, mount, umount2, swapon, swapoff, reboot, *_module, kexec_*, *key*,
unshare, perf_event_open, *_handle_at, setns, process_vm_*, bpf and userfaultfd; those
of clone and of socket."""


def forbid() -> None:
    """Put the filter on this process and its children. After `no_new_privileges`.

    Raises:
        OSError: the kernel has none, or we do not know this machine's numbers.
    """
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {machine}")
    code = program(machine)
    kernel.filter_calls(ctypes.create_string_buffer(code, len(code)), len(code) // 8)


def program(machine: str) -> bytes:
    """Return the filter for a machine, as the kernel reads it."""
    arch, refused, clone, socket = _MACHINES[machine]
    no = _ERRNO | errno.EPERM
    lines = [
        *_only_if(_LOAD, _ARCH_AT, arch, _KILL),
        _line(_LOAD, _NUMBER_AT),
        _line(_ABOVE, _X32, 0, 1),
        _line(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for number in sorted({*refused, *_EVERYWHERE}):
        lines += [_line(_EQUAL, number, 0, 1), _line(_RETURN, no)]
    # Its flags are in memory, where a filter cannot look: callers fall back on clone.
    lines += [_line(_EQUAL, _CLONE3, 0, 1), _line(_RETURN, _ERRNO | errno.ENOSYS)]
    lines += [
        _line(_EQUAL, clone, 0, 4),
        _line(_LOAD, _FIRST_ARGUMENT_AT),
        _line(_ANY_BIT, _NAMESPACES, 0, 1),
        _line(_RETURN, no),
        _line(_RETURN, _ALLOW),
    ]
    lines += [_line(_EQUAL, socket, 1, 0), _line(_RETURN, _ALLOW)]
    lines += [_line(_LOAD, _FIRST_ARGUMENT_AT)]
    for family in _FAMILIES:
        lines += [_line(_EQUAL, family, 0, 1), _line(_RETURN, _ALLOW)]
    lines += [_line(_RETURN, no)]
    return b"".join(lines)


def _only_if(code: int, offset: int, value: int, otherwise: int) -> list[bytes]:
    return [
        _line(code, offset),
        _line(_EQUAL, value, 1, 0),
        _line(_RETURN, otherwise),
    ]


def _line(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
