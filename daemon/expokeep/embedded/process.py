"""Starts one server as a child, finds it again after a crash, and ends it.

Every server has a directory of ours (`home`) with a lock, a record of the process and
its log. The record holds pid *and* start time: a pid alone may by now belong to someone
else, and we would rather leave a leftover than end a stranger.

A child lives in a session of its own, where no Ctrl-C of the terminal reaches it, and
is ended by its parent. A parent that is killed takes its children along by
`PR_SET_PDEATHSIG`; but the kernel means the *thread* that forked, so that only children
of the main thread can have it, and the record remains what counts.
"""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock, log
from expokeep.embedded import launch
from expokeep.embedded.account import Account
from expokeep.errors import BackendUnreachable, Busy

_log = log.get(__name__)

_PROBE_EVERY_S = 0.02
_REAP_S = 5.0
_TAIL_LINES = 15
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

StopPlan = Sequence[tuple[signal.Signals, float]]
"""Signals in order, each with the seconds that it is given to work."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: its own arguments (without its name), where, and as whom."""

    path: Path
    arguments: tuple[str, ...]
    directory: Path
    account: Account
    environment: Mapping[str, str]
    when_orphaned: signal.Signals


@dataclass(frozen=True, slots=True)
class Child:
    """A server that was started."""

    name: str
    pid: int
    pidfd: int
    log_path: Path

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Return as soon as `ready()`.

        Raises:
            BackendUnreachable: The server ended instead, or the time is over; with the
                last lines of its log.
        """
        deadline_s = clock.monotonic_s() + timeout_s
        while not ready():
            if _ended(self.pidfd, _PROBE_EVERY_S):
                raise BackendUnreachable(self.story("ended while it started"))
            if clock.monotonic_s() > deadline_s:
                raise BackendUnreachable(self.story(f"not up after {timeout_s:.0f} s"))

    def story(self, what: str) -> str:
        """Return a sentence about the server, with the last lines of its log."""
        return f"embedded {self.name} {what}; {self.log_path} ends in:\n{self._tail()}"

    def _tail(self) -> str:
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Make `home` and hold it: one daemon per state directory.

    Raises:
        Busy: Another process holds it.
    """
    for directory in (home.parent, home):
        if not directory.exists():
            directory.mkdir(parents=True)
            # Whatever the umask: the servers may run as another user, who must pass.
            directory.chmod(0o711)
    with (home / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"another expokeepd runs on {home}") from error
        yield


@contextlib.contextmanager
def running(name: str, home: Path, program: Program, plan: StopPlan) -> Iterator[Child]:
    """Start `program` and end it afterwards by `plan`. Needs `locked(home)`."""
    log_path = home / "log"
    if log_path.exists():
        log_path.replace(home / "log.old")
    with contextlib.ExitStack() as stack:
        process = _spawn(home, program, log_path)
        stack.callback(process.wait, _REAP_S)
        pidfd = os.pidfd_open(process.pid)
        stack.callback(os.close, pidfd)
        stack.callback(_end, pidfd, plan)
        yield Child(name, process.pid, pidfd, log_path)
    _record_path(home).unlink(missing_ok=True)


def run_to_end(name: str, home: Path, program: Program, timeout_s: float) -> None:
    """Run `program`, which ends by itself. Needs `locked(home)`.

    Raises:
        BackendUnreachable: It failed, or the time is over.
    """
    with running(name, home, program, ((signal.SIGKILL, _REAP_S),)) as child:
        if not _ended(child.pidfd, timeout_s):
            raise BackendUnreachable(child.story(f"not done after {timeout_s:.0f} s"))
        status = os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)
        if status is None or status.si_status != 0:
            raise BackendUnreachable(child.story("failed"))


def end_leftover(name: str, home: Path, plan: StopPlan) -> None:
    """End the server that a killed daemon left behind. Needs `locked(home)`."""
    try:
        boot_id, recorded = (
            _record_path(home).read_text(encoding="utf-8").split("\n", 1)
        )
        pid, started = _pid_and_start(recorded)
        pidfd = os.pidfd_open(pid)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    try:
        # Compared after pidfd_open: from here on the descriptor means this process
        # and no other, even if it ends now and its pid is used again.
        running_now = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        same = _pid_and_start(running_now) == (pid, started)
        if same and boot_id == _this_boot():
            _log.warning("leftover server ended", server=name, pid=pid)
            _end(pidfd, plan)
    finally:
        os.close(pidfd)


def _spawn(home: Path, program: Program, log_path: Path) -> "subprocess.Popen[bytes]":
    # Any other thread may end long before the process does, and take the server along.
    in_main_thread = threading.current_thread() is threading.main_thread()
    log_path.touch(mode=0o600)
    with log_path.open("wb") as out, _record_path(home).open("wb") as record:
        record.write(f"{_this_boot()}\n".encode())
        record.flush()
        numbers = (
            os.getpid(),
            program.when_orphaned if in_main_thread else 0,
            record.fileno(),
            program.account.uid,
            program.account.gid,
        )
        command = [sys.executable, "-I", "-S", launch.__file__]
        command += [str(int(number)) for number in numbers]
        command += [str(program.directory), str(program.path), *program.arguments]
        return subprocess.Popen(  # noqa: S603 - a list of our own words, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=dict(program.environment),
            pass_fds=(record.fileno(),),
            start_new_session=True,
        )


def _end(pidfd: int, plan: StopPlan) -> None:
    for number, grace_s in plan:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)
        if _ended(pidfd, grace_s):
            return


def _ended(pidfd: int, timeout_s: float) -> bool:
    """Return whether the process has ended, after at most `timeout_s` of waiting."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _record_path(home: Path) -> Path:
    return home / "process"


def _this_boot() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


def _pid_and_start(stat_line: str) -> tuple[int, int]:
    """Return pid and start time (ticks since boot) from a line of /proc/PID/stat.

    >>> _pid_and_start("7 (a b) c) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0")
    (7, 4711)

    Raises:
        ValueError: The line is not whole.
    """
    before, _, after = stat_line.rpartition(")")
    fields = after.split()
    if len(fields) < 20:
        raise ValueError(f"not a line of /proc/PID/stat: {stat_line!r}")
    return int(before.split()[0]), int(fields[19])
