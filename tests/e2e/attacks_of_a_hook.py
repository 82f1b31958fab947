"""What a hostile command would try, run inside its cell by `test_hooks.py`.

Prints which of it was refused. Stands alone: it is part of the version that is kept.
"""

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
done = {}


def attempt(name, act):
    try:
        act()
    except OSError:
        done[name] = "refused"
    else:
        done[name] = "DONE"


def call(function, *words):
    if function(*words) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as stream:
        stream.settimeout(3)
        stream.connect(address)


def main(facts):
    daemon = facts["daemon"]
    attempt("environ", lambda: Path(f"/proc/{daemon}/environ").read_bytes())
    attempt("memory", lambda: Path(f"/proc/{daemon}/maps").read_bytes())
    attempt("init", lambda: Path("/proc/1/environ").read_bytes())
    attempt("signal", lambda: os.kill(daemon, 0))
    attempt("signal init", lambda: os.kill(1, 0))
    attempt("ptrace", lambda: call(libc.ptrace, 16, daemon, 0, 0))
    attempt("ptrace init", lambda: call(libc.ptrace, 16, 1, 0, 0))
    for port in facts["ports"]:
        for host in ("127.0.0.1", "10.0.0.1"):
            attempt(
                f"port {host}:{port}",
                lambda h=host, p=port: connect(socket.AF_INET, (h, p)),
            )
    attempt("outside", lambda: connect(socket.AF_INET, ("1.1.1.1", 443)))
    attempt("metadata", lambda: connect(socket.AF_INET, ("169.254.169.254", 80)))
    attempt("host of the machine", lambda: socket.socket(40, socket.SOCK_STREAM))
    attempt("raw", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    for path in facts["sockets"]:
        attempt(f"socket {path}", lambda p=path: connect(socket.AF_UNIX, p))
        attempt(
            f"postgres {path}",
            lambda p=path: connect(socket.AF_UNIX, f"{p}/.s.PGSQL.{facts['port']}"),
        )
    for path in facts["files"]:
        attempt(f"read {path}", lambda p=path: os.open(p, os.O_RDONLY))
        attempt(f"write {path}", lambda p=path: os.open(p, os.O_WRONLY))
    for path in facts["places"]:
        attempt(
            f"make in {path}",
            lambda p=path: os.open(f"{p}/x", os.O_CREAT | os.O_WRONLY),
        )
    attempt("host name", lambda: Path("/proc/sys/kernel/hostname").write_text("x"))
    attempt("setuid", lambda: os.setuid(0))
    attempt("setgroups", lambda: os.setgroups([0]))
    attempt("chroot", lambda: os.chroot("/scratch"))
    attempt("unshare", lambda: call(libc.unshare, 0x10000000))
    attempt("mount", lambda: call(libc.mount, b"proc", b"/tmp", b"proc", 0, None))
    attempt("device", lambda: os.mknod("/scratch/disk", 0o60666, os.makedev(254, 0)))
    attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))
    attempt("keys", lambda: call(libc.syscall, 250, 0, -3, 1))
    attempt("by handle", lambda: call(libc.syscall, 304, -100, None, 0))
    attempt("ring", lambda: call(libc.syscall, 425, 8, None))
    sys.stdout.write(json.dumps(done))


if __name__ == "__main__":
    main(json.loads(Path("facts.json").read_text()))
