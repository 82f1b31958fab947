"""Tries from inside a unit's sandbox what must not succeed there, and what must.

Run as the unit's `ExecStart=` by the system's Python, so it imports nothing of ours. It
prints one line of JSON: what was tried, and `done` or the name of the error.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import time

ARM = platform.machine() == "aarch64"
LIBC = ctypes.CDLL(None, use_errno=True)
BPF, PERF, USERFAULTFD = (280, 241, 282) if ARM else (321, 298, 323)
KEYCTL, INIT_MODULE, KCMP = (219, 105, 272) if ARM else (250, 175, 312)
FANOTIFY_INIT, PIVOT_ROOT = (262, 41) if ARM else (300, 155)
IO_URING_SETUP, OPEN_TREE, FSOPEN, OPENAT2, PIDFD_GETFD = 425, 428, 430, 437, 438
AT_FDCWD = -100
NEW_NAMESPACES = {
    "user": 0x10000000,
    "mount": 0x00020000,
    "network": 0x40000000,
    "process": 0x20000000,
    "cgroup": 0x02000000,
    "ipc": 0x08000000,
    "host name": 0x04000000,
}


def call(name, *arguments):
    """Call a function of the C library, or a system call by its number."""
    if isinstance(name, int):
        result = LIBC.syscall(ctypes.c_long(name), *arguments)
    else:
        result = getattr(LIBC, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(path):
    if os.path.isdir(path):
        if not os.listdir(path):
            raise OSError(errno.ENODATA, "empty")
        return
    with open(path, "rb") as file:
        if not file.read(1):
            raise OSError(errno.ENODATA, "empty: systemd puts such a file over another")


def write(path):
    with open(path, "ab") as file:
        file.write(b"x")


def read_other(path, by):
    """Read a file with one of the ways around its name."""
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount_id = ctypes.c_int()
    if by == "name_to_handle_at":
        call(by, AT_FDCWD, path, handle, ctypes.byref(mount_id), 0)
    else:
        call(by, os.open("/tmp", os.O_RDONLY), handle, os.O_RDONLY)


def execute(path):
    subprocess.run([path], check=True)


def copy_and_execute(place):
    made = os.path.join(place, "program")
    shutil.copy("/usr/bin/true", made)
    os.chmod(made, 0o755)
    try:
        execute(made)
    finally:
        os.unlink(made)


def connect(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)


def socket_of(family, kind):
    socket.socket(family, kind).close()


def writable_program():
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def openat2():
    how = struct.pack("QQQ", os.O_RDONLY, 0, 0x08)  # RESOLVE_BENEATH
    there = os.open("/tmp", os.O_RDONLY)
    os.close(call(OPENAT2, there, b".", ctypes.create_string_buffer(how), len(how)))


def watch():
    told = call("inotify_init")
    call("inotify_add_watch", told, b"/tmp", 0x100)


def forbidden(kind):
    """Return what no unit of ours may do, by what it is."""
    tried = {
        **{f"read {path}": (read, path) for path in SECRET_PLACES},
        **{f"write {path}": (write, path) for path in READ_ONLY_PLACES},
        **{f"connect to {path}": (connect, path) for path in SOCKETS},
        **{
            f"a new {name} namespace": (call, "unshare", flag)
            for name, flag in NEW_NAMESPACES.items()
        },
        "mount": (call, "mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "bind": (call, "mount", b"/usr", b"/tmp", None, 4096, None),
        "unmount": (call, "umount2", b"/tmp", 2),
        "remount": (call, "mount", None, b"/tmp", None, 32 | 4096, None),
        "open_tree": (call, OPEN_TREE, AT_FDCWD, b"/", 1),
        "fsopen": (call, FSOPEN, b"tmpfs", 0),
        "chroot": (call, "chroot", b"/usr"),
        "pivot_root": (call, PIVOT_ROOT, b"/usr", b"/usr"),
        "setns": (call, "setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0),
        "open by handle": (read_other, b"/usr", "open_by_handle_at"),
        "name to handle": (read_other, b"/usr", "name_to_handle_at"),
        "io_uring": (call, IO_URING_SETUP, 1, ctypes.create_string_buffer(256)),
        "bpf": (call, BPF, 0, ctypes.create_string_buffer(64), 64),
        "perf": (call, PERF, ctypes.create_string_buffer(128), 0, -1, -1, 0),
        "userfaultfd": (call, USERFAULTFD, 1),
        "fanotify": (call, FANOTIFY_INIT, 0, 0),
        "keyctl": (call, KEYCTL, 0, -3, 1),
        "a module": (call, INIT_MODULE, b"", 0, b""),
        "compare processes": (call, KCMP, os.getpid(), os.getppid(), 0, 0, 0),
        "ptrace": (call, "ptrace", 0x4206, os.getppid(), None, None),
        "memory of others": (call, "process_vm_readv", os.getppid(), None, 0, None, 0),
        "descriptors of others": (call, PIDFD_GETFD, os.pidfd_open(os.getpid()), 0, 0),
        "signal the first process": (os.kill, 1, 0),
        "become another user": (os.setresuid, 12345, 12345, 12345),
        "become another group": (os.setresgid, 12345, 12345, 12345),
        "other groups": (os.setgroups, [12345]),
        "host name": (call, "sethostname", b"evil", 4),
        "clock": (time.clock_settime, time.CLOCK_REALTIME, time.time()),
        "a device": (os.mknod, f"{WRITABLE}/device", 0o20600, os.makedev(1, 1)),
        "raw packets": (socket_of, socket.AF_PACKET, socket.SOCK_RAW),
        "the hypervisor": (socket_of, socket.AF_VSOCK, socket.SOCK_STREAM),
        "netlink": (socket_of, socket.AF_NETLINK, socket.SOCK_RAW),
        "writable program text": (writable_program,),
        "a program in /tmp": (execute, f"{SESSION}/program"),
        "a program of its own": (copy_and_execute, WRITABLE),
        "more priority": (os.nice, -20),
        "swap": (call, "swapon", b"/usr", 0),
    }
    if kind == "restore":
        tried |= {
            "the network": (socket_of, socket.AF_INET, socket.SOCK_STREAM),
            "the network, v6": (socket_of, socket.AF_INET6, socket.SOCK_STREAM),
        }
    else:
        tried |= {
            "give a file away": (os.chown, f"{WRITABLE}/own", 12345, 12345),
            "change another's mode": (os.chmod, f"{SESSION}/secret", 0o777),
            "remove another's file": (os.unlink, f"{SESSION}/secret"),
            "rename a session": (os.rename, SESSION, f"{SESSION}-moved"),
        }
    return tried


def needed(kind):
    """Return what it could not work without."""
    tried = {
        "read another's file": (read, f"{SESSION}/secret"),
        "openat2": (openat2,),
        "write its own": (write, f"{WRITABLE}/own"),
        "know the zone": (read, "/etc/localtime"),
        "find users": (read, "/etc/passwd"),
    }
    if kind == "restore":
        tried |= {
            "give a file away": (os.chown, f"{WRITABLE}/own", 12345, 12345),
            "change another's mode": (os.chmod, f"{WRITABLE}/own", 0o600),
        }
    else:
        tried |= {
            "watch": (watch,),
            "network": (socket_of, socket.AF_INET, socket.SOCK_STREAM),
            "certificates": (read, "/etc/ssl/certs/ca-certificates.crt"),
            "resolver": (read, "/etc/resolv.conf"),
            "its credential": (
                read,
                f"{os.environ.get('CREDENTIALS_DIRECTORY')}/database-url",
            ),
        }
    return tried


def outcome(action):
    try:
        action[0](*action[1:])
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    return "done"


def status(name):
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(f"{name}:"))


if __name__ == "__main__":
    KIND, SESSION, WRITABLE, PLACES = sys.argv[1:5]
    PLACES = json.loads(PLACES)
    SECRET_PLACES, READ_ONLY_PLACES = PLACES["secret"], PLACES["read-only"]
    SOCKETS = PLACES["sockets"]
    needs = {name: outcome(action) for name, action in needed(KIND).items()}
    tries = {name: outcome(action) for name, action in forbidden(KIND).items()}
    found = {
        "needed": needs,
        "forbidden": tries,
        "capabilities": [status("CapEff"), status("CapBnd"), status("CapAmb")],
        "no new privileges": status("NoNewPrivs"),
        "processes": [int(pid) for pid in os.listdir("/proc") if pid.isdigit()],
        "root": sorted(os.listdir("/")),
        "etc": sorted(os.listdir("/etc")),
        "run": sorted(os.listdir("/run")),
    }
    sys.stdout.write("PROBE " + json.dumps(found) + "\n")
