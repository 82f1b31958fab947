"""A real systemd as PID 1 of a machine that lives in namespaces, in less than a second.

A `Machine` has this computer's files below an overlay of its own, which holds as long
as the machine does: over a reboot the disk stays, /tmp and /run are new. It has
processes, mounts, host name and cgroups of its own, and shares the network: servers of
the tests are where they are for everybody. None of this computer's services runs in it.

It takes root and a kernel that gives namespaces. Where it cannot be had, a test fails
with the reason.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import furnishing
from daemons import until

WAIT_S = 60.0
"""For what must come; a machine may be busy."""
HINT = (
    "a real systemd takes root with all capabilities (a virtual machine, or a container"
    " run with --privileged), Linux 5.11 or newer with cgroup v2, and systemd and dbus:"
    " make tools"
)

_DISK = """\
set -e
top=$1; shift
mount -t tmpfs -o mode=0755 keep-disk "$top"
mkdir "$top/upper" "$top/work" "$top/root"
mount -t overlay keep-root \
  -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
while [ $# -gt 0 ]; do
  mkdir -p "$top/root$2"
  mount --bind "$1" "$top/root$2"
  mount -o remount,bind,ro "$top/root$2"
  shift 2
done
echo ready
exec cat
"""
_BOOT = """\
set -e
root=$1
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind /sys "$root/sys"
mount -o remount,bind,ro "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" 2>/dev/null || {
  mount -t tmpfs tmpfs "$root/sys/fs"; mkdir "$root/sys/fs/cgroup"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
}
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"
done
exec chroot "$root" /usr/bin/env -i container=unshare \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  sh -c 'mount --make-rshared /; exec /lib/systemd/systemd'
"""


class Machine:
    """One machine: a disk, and whatever is booted from it. Made by `machine`."""

    def __init__(self, top: Path, binds: Mapping[Path, Path]) -> None:
        self.top = top
        self.console = top.with_suffix(".console")
        self.pid = 0
        pairs = [str(path) for pair in binds.items() for path in pair]
        self._cgroup = furnishing.cgroups() / f"keep-{uuid.uuid4().hex[:12]}"
        # The disk lives in the mount namespace of a process that waits for our end.
        self._disk = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _DISK, "sh", str(top), *pairs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._booted: subprocess.Popen[bytes] | None = None
        assert self._disk.stdout is not None
        if self._disk.stdout.readline() != "ready\n":
            _fail("no disk: " + self._disk.communicate()[1].strip())

    def path(self, inside: str | Path) -> Path:
        """Return where this side finds a path of the machine.

        While it is off there is nothing in its /tmp and /run.
        """
        if self.pid:
            return Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")
        disk = Path(f"/proc/{self._disk.pid}/root{self.top}/root")
        return disk / str(inside).lstrip("/")

    def write(self, inside: str | Path, text: str, mode: int = 0o644) -> Path:
        """Write a file of the machine; its directories are made."""
        return furnishing.write(self.path("/"), inside, text, mode)

    def boot(self) -> None:
        """Start systemd, and wait until it says that the machine is up."""
        assert self._booted is None
        self._cgroup.mkdir()
        enter = f"echo $$ >{self._cgroup}/cgroup.procs; exec " + '"$@"'
        # If the tests are killed, so is the machine.
        command = ["setpriv", "--pdeathsig=KILL", "sh", "-ec", enter, "sh"]
        command += [
            "nsenter",
            f"--target={self._disk.pid}",
            "--mount",
            "unshare",
            "--pid",
            "--mount",
            "--uts",
            "--ipc",
        ]
        command += ["--cgroup", "--fork", "--kill-child", "sh", "-c", _BOOT, "sh"]
        with self.console.open("wb") as console:
            self._booted = subprocess.Popen(
                [*command, str(self.top / "root")],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        try:
            self.pid = until(self._first_process, "PID 1")
            until(self._is_up, "the machine is up")
        except AssertionError as error:
            shown = self.console.read_text(errors="replace")[-3000:]
            _fail(f"systemd does not come up: {error}\n{shown}")

    def power_off(self) -> None:
        """Shut it down in the orderly way, and wait until it is off."""
        self.run("systemctl", "--no-block", "poweroff")
        assert self._booted is not None
        self._booted.wait(WAIT_S)
        self._forget()

    def reboot(self) -> None:
        """Shut it down and boot it again from the same disk."""
        self.power_off()
        self.boot()

    def close(self) -> None:
        """End the machine, and throw its disk away."""
        if self._booted is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid or self._booted.pid, signal.SIGKILL)
            self._booted.kill()
            self._booted.wait(WAIT_S)
            self._forget()
        self._disk.communicate()

    def begin(self, *command: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start a program in the machine as root, and return at once."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc"]
        enter += ["--pid", "--cgroup", "--root", "--wd=/"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        enter += ["env", "-i", path, "LC_ALL=C.UTF-8", "PAGER=cat"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        return subprocess.Popen(
            [*enter, *map(str, command)],
            **{**pipes, "stderr": subprocess.PIPE, **options},
            text=True,
        )

    def run(
        self, *command: str | Path, timeout_s: float = WAIT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the machine as root to its end, however it ends."""
        process = self.begin(*command)
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return subprocess.CompletedProcess(
            [str(word) for word in command], process.returncode, stdout, stderr
        )

    def do(self, *command: str | Path) -> str:
        """Run a program in the machine; return what it prints. It must succeed."""
        done = self.run(*command)
        assert done.returncode == 0, (
            f"{' '.join(done.args)}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Return what systemd knows of a unit."""
        wanted = [f"--property={name}" for name in properties]
        lines = self.do("systemctl", "show", *wanted, unit).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def state(self, unit: str) -> str:
        """Return `active`, `activating`, `failed`, ..."""
        return self.show(unit, "ActiveState")["ActiveState"]

    def main_pid(self, unit: str) -> int:
        """Return the number that its main process has in the machine; 0 for none."""
        return int(self.show(unit, "MainPID")["MainPID"])

    def journal(self, unit: str = "*") -> list[dict[str, Any]]:
        """Return the entries of units, oldest first; of every boot."""
        lines = self.do(
            "journalctl", "--quiet", "--output=json", "--all", "--unit", unit
        )
        return [json.loads(line) for line in lines.splitlines()]

    def story(self, unit: str = "*") -> str:
        """Return the journal of units, for people."""
        return self.do(
            "journalctl", "--quiet", "--output=short-precise", "--unit", unit
        )

    def _first_process(self) -> int:
        assert self._booted is not None
        if self._booted.poll() is not None:
            shown = self.console.read_text(errors="replace")[-3000:]
            self._booted = None
            _fail(f"no namespaces: {shown}")
        task = Path(f"/proc/{self._booted.pid}/task/{self._booted.pid}/children")
        children = task.read_text().split()
        with contextlib.suppress(OSError):
            if children and os.readlink(f"/proc/{children[0]}/exe").endswith("systemd"):
                return int(children[0])
        return 0

    def _is_up(self) -> bool:
        state = self.run("systemctl", "is-system-running").stdout.strip()
        return state in {"running", "degraded"}

    def _forget(self) -> None:
        self._booted, self.pid = None, 0
        inner = sorted(self._cgroup.rglob("*/"), key=lambda one: -len(one.parts))
        for cgroup in (*inner, self._cgroup):
            until(lambda one=cgroup: _is_removed(one), f"{cgroup} is empty")


@contextlib.contextmanager
def machine(binds: Mapping[Path, Path] | None = None) -> Iterator[Machine]:
    """Give a machine with expokeep on its disk, and booted.

    `binds` are more directories of this side, to be seen in there read-only.
    """
    if os.geteuid() != 0:
        _fail("the tests do not run as root")
    for needed in ("/lib/systemd/systemd", "/usr/bin/dbus-daemon"):
        if not Path(needed).exists():
            _fail(f"{needed} is missing")
    top = Path(tempfile.mkdtemp(prefix="keep-machine-", dir="/tmp"))
    try:
        made = Machine(top, {**furnishing.program_binds(), **(binds or {})})
    except LookupError as error:
        _fail(str(error))
    try:
        furnishing.furnish(made.path("/"))
        made.boot()
        yield made
    finally:
        made.close()
        shutil.rmtree(top, ignore_errors=True)
        made.console.unlink(missing_ok=True)


def _is_removed(cgroup: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        try:
            cgroup.rmdir()
        except OSError:
            return False
    return True


def _fail(reason: str) -> Any:
    pytest.fail(f"no systemd can be booted here: {reason}\nhint: {HINT}")
