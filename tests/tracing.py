"""strace, as an executioner: kills a process at the Nth call of a kind."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from daemons import until

SYSCALLS = {
    "open": "openat",
    "make": "/^mkdir",
    "rename": "/^rename",
    "sync": "/^f(data)?sync$",
    "write": "/^p?write",
    "send": "/^send",
    "remove": "/^(unlink|rmdir)",
}
"""What changes a disk or leaves the host, in words that strace takes."""


@contextlib.contextmanager
def killed_at(pid: int, call: str, number: int) -> Iterator[None]:
    """Have a process killed when one of its threads makes its Nth call of a kind.

    `call` is as strace takes it: a name, or `/` and an expression. The call itself is
    not made any more.
    """
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid)]
    command += ["-e", f"trace={call}"]
    command += ["-e", f"inject={call}:signal=SIGKILL:when={number}"]
    tracer = subprocess.Popen(command)
    try:
        until(lambda: is_traced(pid), "strace is attached")
        yield
    finally:
        tracer.terminate()
        tracer.wait(30)


def is_traced(pid: int) -> bool:
    """Return whether every thread of a process is traced."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return all(
            "TracerPid:\t0\n" not in task.read_text()
            for task in Path(f"/proc/{pid}/task").glob("*/status")
        )
    return True  # it is gone: nothing more to wait for


def is_stopped(pid: int) -> bool:
    """Return whether a process has stopped itself, and waits to be continued."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
