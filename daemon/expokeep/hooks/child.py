"""The last steps before a command runs: limits, a user without rights, a clean slate.

Runs in the child that becomes the command, after the fork; nothing here comes back.
"""

import os
import resource
import signal
from pathlib import Path

from expokeep.hooks import calls, kernel
from expokeep.hooks.cell import HOME, PROJECT
from expokeep.hooks.values import Job, Limits

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DESCRIPTORS = 1024
_NICE = 10


def become(job: Job, output_fd: int, failure_fd: int) -> None:
    """Become the command of a job; returns only by an exception.

    Raises:
        OSError: the kernel refuses something, or there is no such program.
    """
    null_fd = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null_fd, 0)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.dup2(failure_fd, 3, inheritable=False)
    os.closerange(4, _open_at_most())
    os.setsid()
    os.nice(_NICE)
    os.umask(0o022)
    _reset_signals()
    _limit(job.limits)
    _drop(job.uid)
    os.chdir(PROJECT)
    os.execvpe(program(job), words(job), environment(job))  # noqa: S606 - it is the command


def words(job: Job) -> tuple[str, ...]:
    """Return what is run: a line alone is for a shell."""
    return job.command if len(job.command) > 1 else ("/bin/sh", "-c", *job.command)


def program(job: Job) -> str:
    """Return the name of the program that is run."""
    return words(job)[0]


def environment(job: Job) -> dict[str, str]:
    """Return all that a command is told."""
    return {
        "PATH": PATH,
        "HOME": HOME,
        "EXPOKEEP_SESSION": job.session,
        "EXPOKEEP_VERSION": str(job.seq),
    }


def _limit(limits: Limits) -> None:
    for which, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_size_bytes),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
        (resource.RLIMIT_MEMLOCK, 64 * 1024),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, hard = resource.getrlimit(which)
        own = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (own, own))


def _drop(uid: int) -> None:
    kernel.forgo_capabilities()
    if uid != os.getuid():
        os.setgroups(())
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.no_new_privileges()
    calls.forbid()


def _reset_signals() -> None:
    """Undo what Python does to signals: a program expects to be ended by them."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is not None:
            signal.signal(number, signal.SIG_DFL)


def _open_at_most() -> int:
    return max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 1
