"""Brings a version into a scratch directory, runs a command on it, and tidies up.

`python -I -m expokeep.runner` reads one job from its standard input and writes one
result to its standard output. It holds no secret: the daemon hands it the version on
the control socket. When its input ends, whoever asked is gone, and so are we, soon.
"""

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from expokeep.control.client import Client
from expokeep.errors import ExpokeepError
from expokeep.hooks.jail import confined
from expokeep.hooks.values import Job, Result
from expokeep.restore.run import Wish, restore
from expokeep.runner.source import Recorded

_REMOVE_WITHIN_S = 300.0


def main() -> None:
    """Do the job that comes in."""
    # A terminal's Ctrl-C is the daemon's: it ends us by letting go of our input.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    result = done(job, sys.stdin.fileno())
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")


def done(job: Job, stop_fd: int) -> Result:
    """Return what came of a job."""
    top = Path(job.scratch)
    try:
        remove_abandoned(top)
        with _place(top, job.uid) as place:
            source = Recorded(Client(Path(job.socket), job.limits.timeout_s), job.uid)
            target = place / "home" / "project"
            restore(source, Wish(f"{job.session}@{job.seq}", target))
            return confined(job, place, stop_fd)
    except (ExpokeepError, OSError) as error:
        return Result(outcome="not restored", reason=str(error))


def remove_abandoned(top: Path) -> None:
    """Remove what runners left that were killed."""
    top.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in top.iterdir():
        pid = left.name.partition("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            remove(left)


@contextlib.contextmanager
def _place(top: Path, uid: int) -> Iterator[Path]:
    """Give a directory for a version, and what is made of it; it is gone in the end."""
    place = top / f"{os.getpid()}-{uuid.uuid4().hex}"
    place.mkdir(mode=0o700)
    try:
        for name in ("root", "home", "tmp"):
            (place / name).mkdir(mode=0o700)
            if name != "root" and uid != os.geteuid():
                os.chown(place / name, uid, uid)
        yield place
    finally:
        remove(place)


def remove(place: Path) -> None:
    """Remove a tree that somebody may have made as nasty as can be.

    By `rm`, which no depth makes give up, and no symbolic link leads astray.
    """
    for command in (("rm", "-rf"), ("chmod", "-R", "u+rwX"), ("rm", "-rf")):
        if os.path.lexists(place):
            subprocess.run(  # noqa: S603 - words of our own
                [*command, "--", os.fspath(place)],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_REMOVE_WITHIN_S,
            )
