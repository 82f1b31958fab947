"""Runs a command in a cell, and is back when nothing of it is left.

Three processes. The runner forks the first one of a new pid namespace (`init`), which
builds the cell and forks the command; when `init` ends, for whatever reason, the kernel
ends all that the command has started. `init` ends with the command, with the runner,
and when the runner says so.
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
    refusal = _leave_namespaces()
    if refusal:
        return Result(outcome="refused", reason=refusal)
    output, told, go = os.pipe(), os.pipe(), os.pipe()
    began_s = clock.monotonic_s()
    init = os.fork()
    if init == 0:
        _as_init(job, scratch, output, told, go)
    for descriptor in (output[1], told[1], go[0]):
        os.close(descriptor)
    os.write(go[1], b"!")
    watch = _Watch(
        job, scratch, init, stop_fd, output[0], began_s + job.limits.timeout_s
    )
    outcome = watch.until_end()
    took_s = clock.monotonic_s() - began_s
    os.waitpid(init, 0)
    said = b""
    while data := os.read(told[0], _TOLD_BYTES):
        said += data
    return watch.result(outcome, said, took_s)


def _leave_namespaces() -> str:
    """Prepare for a child in namespaces of its own; return why that cannot be."""
    try:
        if os.geteuid() != 0:
            uid, gid = os.geteuid(), os.getegid()
            kernel.unshare(kernel.NEW_USER, "a user namespace")
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        kernel.unshare(kernel.NEW_PID, "a pid namespace")
    except OSError as error:
        return f"the kernel gives the hook no cell: {error.strerror or error}"
    return ""


def _as_init(
    job: Job,
    scratch: Path,
    output: tuple[int, int],
    told: tuple[int, int],
    go: tuple[int, int],
) -> None:
    """Be the first process of the namespace; never returns."""
    try:
        kernel.die_with_parent(signal.SIGKILL)
        os.close(go[1])
        if not os.read(go[0], 1):  # the runner ended before we could hear of it
            os._exit(1)
        Path("/proc/self/oom_score_adj").write_text("1000")
        flags = kernel.NEW_NS | kernel.NEW_NET | kernel.NEW_IPC | kernel.NEW_UTS
        kernel.unshare(flags, "mount, network, IPC and host name namespaces")
        cell.enter(scratch, job.uid, job.readable)
        kernel.raise_loopback()
        kernel.cannot_be_traced()
        _tell(told[1], status=_command(job, output, told))
    except OSError as error:
        _tell(told[1], refused=error.strerror or str(error))
    finally:
        os._exit(0)


def _command(job: Job, output: tuple[int, int], told: tuple[int, int]) -> int:
    """Run the command; return its wait status when it has ended."""
    command = os.fork()
    if command == 0:
        try:
            child.become(job, output[1], told[1])
        except OSError as error:
            _tell(3, refused=f"{error.strerror or error}: {job.command[0]}")
        finally:
            os._exit(127)
    # Our own end of the output stays open: it tells the runner when we end, whatever
    # the command does with its.
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
    init: int
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
                os.kill(self.init, signal.SIGKILL)
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
