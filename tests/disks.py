"""Disks that are small, full, read-only or failing, below the directory of a test.

Mounts, so that it is the kernel that refuses, and for every process. Only root may.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from daemons import run, until

MIB = 1 << 20


def _do(*command: str | Path) -> None:
    done = run([str(word) for word in command])
    assert done.returncode == 0, f"{command}: {done.stderr}"


@contextlib.contextmanager
def small_disk(path: Path, *, size: int, inodes: int = 0) -> Iterator[Path]:
    """Mount an empty disk of so many bytes, and of so many inodes if that is said."""
    path.mkdir(parents=True, exist_ok=True)
    options = f"size={size},nr_inodes={inodes or '1m'},mode=0755"
    _do("mount", "-t", "tmpfs", "-o", options, "tmpfs", path)
    try:
        yield path
    finally:
        _do("umount", "--lazy", path)


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Refuse every write below a directory, as after an error of its file system.

    A mount of its own above the old one: files that are open for writing stay so. While
    one is opened through it, the kernel says that it is busy.
    """
    remount = ["mount", "-o", "remount,ro,bind", str(path)]
    _do("mount", "--bind", path, path)
    try:
        until(lambda: run(remount).returncode == 0, f"{path} is read-only")
        yield
    finally:
        _do("umount", "--lazy", path)


@contextlib.contextmanager
def filled(disk: Path, *, but: int = 0) -> Iterator[None]:
    """Take all the room of a disk, but for so many bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as out:
        free = os.statvfs(disk)
        left = free.f_bavail * free.f_frsize - but
        with contextlib.suppress(OSError):
            os.posix_fallocate(out.fileno(), 0, left)
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def without_inodes(disk: Path, *, but: int = 0) -> Iterator[None]:
    """Take all inodes of a disk, but for so many."""
    crowd = disk / "crowd"
    crowd.mkdir()
    while os.statvfs(disk).f_favail > but:
        (crowd / f"{os.statvfs(disk).f_favail}").touch()
    try:
        yield
    finally:
        for one in crowd.iterdir():
            one.unlink()
        crowd.rmdir()


@contextlib.contextmanager
def failing_calls(pid: int, calls: Sequence[str], error: str = "EIO") -> Iterator[None]:
    """Let system calls of a running process fail, whatever they are asked."""
    names = ",".join(calls)
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid)]
    command += ["-e", f"trace={names}", "-e", f"inject={names}:error={error}"]
    tracer = subprocess.Popen(command)
    try:
        until(lambda: _is_traced(pid), "strace is attached")
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(30)


def _is_traced(pid: int) -> bool:
    """Return whether every thread of a process is traced."""
    return all(
        "TracerPid:\t0\n" not in task.read_text()
        for task in Path(f"/proc/{pid}/task").glob("*/status")
    )
