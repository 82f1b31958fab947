"""The file system that a command sees: what is allowed is there, all else is not.

An empty root with the listed directories of this host, read-only; the scratch, the only
place to write; a `/proc` and a `/dev` of its own. No `/run`, so no socket of anybody;
no state directory, no other session, no home.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from expokeep.hooks import kernel
from expokeep.hooks.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
)

HOME = "/scratch"
PROJECT = f"{HOME}/project"
_OF_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_STREAMS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
_NAMES = "root:x:0:0::/:/bin/false\nhook:x:{0}:{0}::{1}:/bin/sh\n"
_GROUPS = "root:x:0:\nhook:x:{0}:\n"


def enter(scratch: Path, uid: int, readable: Sequence[str]) -> None:
    """Leave the host's files for the cell. In a mount namespace that was just made.

    Args:
        scratch: holds `home`, `tmp` and `root`; the first two are the command's.
        uid: of the command.
        readable: what of this host it sees.

    Raises:
        OSError: the kernel does not let us.
    """
    root = str(scratch / "root")
    kernel.mount("", "/", "", MS_REC | MS_PRIVATE)
    kernel.mount("tmpfs", root, "tmpfs", MS_NOSUID, "size=4m,mode=755")
    for path in (*readable, *(f"/etc/{name}" for name in _OF_ETC)):
        _show(root, path)
    _name(Path(root, "etc"), uid)
    for source, target in (("home", HOME), ("tmp", "/tmp")):  # noqa: S108 - its own
        _bind(str(scratch / source), root + target)
        kernel.restrict(root + target, MS_NOSUID | MS_NODEV)
    _devices(f"{root}/dev")
    os.mkdir(f"{root}/proc")  # noqa: PTH102 - beside mounts, paths are plain text
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    kernel.mount("proc", f"{root}/proc", "proc", flags, "hidepid=2")
    kernel.change_root(root)
    kernel.restrict("/", MS_RDONLY, below_too=False)


def _show(root: str, path: str) -> None:
    """Let a file, a link or a directory of the host be seen, if it is there."""
    source, target = Path(path), Path(root + path)
    if target.is_symlink() or not os.path.lexists(path):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    _bind(path, str(target))
    kernel.restrict(str(target), MS_RDONLY | MS_NOSUID | MS_NODEV)


def _bind(source: str, target: str) -> None:
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).touch()
    kernel.mount(source, target, "", MS_BIND | MS_REC)


def _name(etc: Path, uid: int) -> None:
    """Let a program find out who it is, and nobody else."""
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text(_NAMES.format(uid, HOME))
    (etc / "group").write_text(_GROUPS.format(uid))
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")


def _devices(top: str) -> None:
    Path(top).mkdir()
    for name in _DEVICES:
        Path(top, name).touch()
        kernel.mount(f"/dev/{name}", f"{top}/{name}", "", MS_BIND)
    for name, rest in _STREAMS.items():
        Path(top, name).symlink_to(f"/proc/self/fd{rest}")
    Path(top, "shm").mkdir()
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    kernel.mount("tmpfs", f"{top}/shm", "tmpfs", flags, "size=64m,mode=1777")
