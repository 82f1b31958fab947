"""Runs a command in a cell, and is back when nothing of it is left.

Four processes. The runner forks a warden, who leaves the namespaces of this host and
forks the first process of new ones (`init`); it builds the cell and forks the command.
When `init` ends, for whatever reason, the kernel ends all that the command has started;
`init` ends with the command, and with the warden, whom the runner ends in need.
"""

import json
import os
import select
import signal
from dataclasses import dataclass, field
from pathlib import Path

from expokeep import clock
from expokeep.hooks import cell, child, kernel
from expokeep.hooks.values import OUTPUT_BYTES, Job, Outcome, Result

_LOOK_EVERY_S = 0.25
_READ_BYTES = 64 * 1024
_TOLD_BYTES = 64 * 1024


def confined(job: Job, scratch: Path, stop_fd: int) -> Result:
    """Run the command of a job; what it leaves behind is below `scratch`.

    Args:
        job: its version is in `scratch/home/project` already.
        scratch: with `home`, `tmp` and `root`.
        stop_fd: ends the command when it can be read: whoever sent us is gone.
    """
    output, told, go = os.pipe(), os.pipe(), os.pipe()
    ends = _Ends(output[1], told[1], *go)
    began_s, runner = clock.monotonic_s(), os.getpid()
    warden = os.fork()
    if warden == 0:
        _as_warden(job, scratch, ends, runner)
    for descriptor in (output[1], told[1], *go):
        os.close(descriptor)
    deadline_s = began_s + job.limits.timeout_s
    watch = _Watch(job, scratch, warden, stop_fd, output[0], deadline_s)
    outcome = watch.until_end()
    took_s = clock.monotonic_s() - began_s
    os.waitpid(warden, 0)
    said = b""
    while data := os.read(told[0], _TOLD_BYTES):
        said += data
    return watch.result(outcome, said, took_s)


@dataclass(frozen=True, slots=True)
class _Ends:
    """The ends of pipes that the processes below the runner have."""

    output: int
    """Takes what the command prints; held by all of them, so its end is theirs."""
    told: int
    """Takes how the command ended, or why it did not begin."""
    alive: int
    """Where `init` hears whether the warden lives, who holds the other end."""
    lives: int


def _as_warden(job: Job, scratch: Path, ends: _Ends, runner: int) -> None:
    """Be the parent of the first process in new namespaces; never returns."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        if os.getppid() == runner:
            _leave_namespaces()
            init = os.fork()
            if init == 0:
                _as_init(job, scratch, ends)
            os.waitpid(init, 0)
    except OSError as error:
        refusal = f"the kernel gives the hook no cell: {error.strerror or error}"
        _tell(ends.told, refused=refusal)
    finally:
        os._exit(0)


def _leave_namespaces() -> None:
    """Prepare for a child in namespaces of its own."""
    if os.geteuid() != 0:
        uid, gid = os.geteuid(), os.getegid()
        kernel.unshare(kernel.NEW_USER, "a user namespace")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    kernel.unshare(kernel.NEW_PID, "a pid namespace")


def _as_init(job: Job, scratch: Path, ends: _Ends) -> None:
    """Be the first process of the namespace; never returns."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        os.close(ends.lives)
        if not select.select([ends.alive], [], [], 0)[0]:  # or the warden is gone
            Path("/proc/self/oom_score_adj").write_text("1000")
            flags = kernel.NEW_NS | kernel.NEW_NET | kernel.NEW_IPC | kernel.NEW_UTS
            kernel.unshare(flags, "mount, network, IPC and host name namespaces")
            cell.enter(scratch, job.uid, job.readable)
            kernel.raise_loopback()
            kernel.cannot_be_traced()
            _tell(ends.told, status=_command(job, ends))
    except OSError as error:
        refusal = f"the kernel gives the hook no cell: {error.strerror or error}"
        _tell(ends.told, refused=refusal)
    finally:
        os._exit(0)


def _command(job: Job, ends: _Ends) -> int:
    """Run the command; return its wait status when it has ended."""
    command = os.fork()
    if command == 0:
        try:
            child.become(job, ends.output, ends.told)
        except OSError as error:
            why = error.strerror or str(error)
            _tell(3, refused=f"{child.program(job)} cannot be run: {why}")
        finally:
            os._exit(127)
    while True:
        ended, status = os.waitpid(-1, 0)  # the orphans of the command are ours, too
        if ended == command:
            return status


def _tell(descriptor: int, **said: object) -> None:
    os.write(descriptor, json.dumps(said).encode() + b"\n")


@dataclass(slots=True)
class _Watch:
    """Watches a command from outside."""

    job: Job
    scratch: Path
    warden: int
    stop_fd: int
    output_fd: int
    deadline_s: float
    _tail: bytearray = field(default_factory=bytearray)
    _is_cut: bool = False

    def until_end(self) -> Outcome | None:
        """Collect what it prints until nothing is left; return why we ended it."""
        outcome: Outcome | None = None
        poll = select.poll()
        poll.register(self.output_fd, select.POLLIN)
        poll.register(self.stop_fd, select.POLLIN)
        while True:
            ready = {number for number, _ in poll.poll(_LOOK_EVERY_S * 1000)}
            if self.output_fd in ready and not self._read():
                return outcome
            if outcome is None and (outcome := self._reason_to_end(ready)):
                os.kill(self.warden, signal.SIGKILL)
                poll.unregister(self.stop_fd)

    def result(self, outcome: Outcome | None, said: bytes, took_s: float) -> Result:
        """Return what came of it."""
        lines = [json.loads(line) for line in said.splitlines()]
        told = {name: value for line in lines for name, value in line.items()}
        status = told.get("status")
        words: dict[str, str] = {
            "timed out": f"it took longer than {self.job.limits.timeout_s:g} s",
            "no room": "it took the room on the disk that captures need",
            "killed": "the daemon stopped",
        }
        if outcome is None and "refused" in told:
            return Result(outcome="refused", reason=str(told["refused"]))
        ended = outcome or _outcome(status)
        code = None if status is None else os.waitstatus_to_exitcode(status)
        if outcome is None and code is not None and code < 0:
            words["killed"] = f"by signal {-code}"
        return Result(
            outcome=ended,
            status=code if code is not None and code >= 0 and not outcome else None,
            signal=-code if code is not None and code < 0 and not outcome else None,
            took_s=round(took_s, 3),
            output=self._tail.decode(errors="replace").replace("\0", "\ufffd"),
            is_cut=self._is_cut,
            reason=words.get(ended, ""),
        )

    def _read(self) -> bool:
        data = os.read(self.output_fd, _READ_BYTES)
        self._tail += data
        if len(self._tail) > OUTPUT_BYTES:
            self._is_cut = True
            del self._tail[:-OUTPUT_BYTES]
        return bool(data)

    def _reason_to_end(self, ready: set[int]) -> Outcome | None:
        if self.stop_fd in ready:
            return "killed"
        if clock.monotonic_s() > self.deadline_s:
            return "timed out"
        found = os.statvfs(self.scratch)
        if found.f_bavail * found.f_frsize < self.job.min_free_bytes:
            return "no room"
        return None


def _outcome(status: int | None) -> Outcome:
    if status is None or os.WIFSIGNALED(status):
        return "killed"
    return "passed" if os.waitstatus_to_exitcode(status) == 0 else "failed"
