"""Runs a journey in a process of its own, and kills that process at a chosen moment.

The process is forked from one that has imported everything already, so hundreds of
deaths fit into a minute. It dies by SIGKILL: no `finally` runs, no buffer is written.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path

from daemons import until
from expokeep import crash
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.values import Host
from expokeep.errors import ExpokeepError
from expokeep.model.names import SessionId
from expokeep.store.s3 import S3Settings, S3Store
from journeys import POLICY, Keeper
from tracing import is_stopped, killed_at

CALLS = frozenset(
    {
        "open",
        "os.chmod",
        "os.chown",
        "os.link",
        "os.listdir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.scandir",
        "os.symlink",
        "os.utime",
        "shutil.rmtree",
        "socket.connect",
    }
)
"""What Python's audit tells of before it happens: a process may die at each."""
WAIT_S = 30.0
TOO_LATE = 0
"""The exit code of a journey that came to its end before its moment."""
REFUSED = 17


@dataclass(frozen=True, slots=True)
class Place:
    """Where a journey finds everything; travels to another process."""

    dsn: str
    bucket: S3Settings
    top: Path
    host: Host
    session: SessionId


def save(keeper: Keeper, session: SessionId) -> None:
    """Save as a person would."""
    keeper.save(session)


def restore(keeper: Keeper, session: SessionId) -> None:
    """Restore to the session's own directory, where there is none."""
    keeper.restore(f"{session}@1")


def swap(keeper: Keeper, session: SessionId) -> None:
    """Restore over what is there."""
    keeper.restore(f"{session}@1", existing="swap")


@contextlib.contextmanager
def _keeper(place: Place) -> Iterator[Keeper]:
    catalog = PostgresCatalog(Database(place.dsn))
    store = S3Store(place.bucket)
    store.warm()
    with (
        contextlib.closing(catalog),
        contextlib.closing(store),
        ThreadPoolExecutor(4) as executor,
    ):
        policy = replace(POLICY, fsync=True)
        keeper = Keeper(catalog, store, place.top, executor, policy, place.host)
        keeper.spool._fsync = True
        yield keeper


Journey = Callable[[Keeper, SessionId], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """When to die, or to stop so that somebody else can see to it."""

    call: int = 0
    """The Nth call that Python's audit tells of."""
    point: str = ""
    """A crash point, as `EXPOKEEP_CRASH` names it."""
    syscall: str = ""
    """What strace counts, and up to which number: `fsync:3`."""


def run(journey: Journey, place: Place, moment: Moment) -> None:
    """Do a journey in this process, and die in the middle of it."""
    try:
        with _keeper(place) as keeper:
            keeper.catalog.server_time()
            crash.arm({"EXPOKEEP_CRASH": moment.point} if moment.point else {})
            if moment.call:
                _die_at(moment.call)
            if moment.syscall:
                os.kill(os.getpid(), signal.SIGSTOP)
            journey(keeper, place.session)
    except ExpokeepError as error:
        sys.stderr.write(f"{error!r}\n")
        sys.exit(REFUSED)


def _die_at(number: int) -> None:
    left, counting = number, threading.Lock()

    def hook(event: str, _arguments: object) -> None:
        nonlocal left
        if event in CALLS:
            with counting:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


class Victim:
    """A journey in a process of its own."""

    def __init__(self, journey: Journey, place: Place, **moment: int | str) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["warmed"])
        self._moment = Moment(**moment)
        self._process = context.Process(
            target=run, args=(journey, place, self._moment), name="victim"
        )
        self._started = threading.Event()

    def run(self) -> bool:
        """Run it to its end; return whether it was killed before it came to its own."""
        self._process.start()
        self._started.set()
        with self._traced():
            self._process.join(WAIT_S)
        code = self._process.exitcode
        assert code in {-signal.SIGKILL, TOO_LATE}, f"it ended with {code}"
        return code == -signal.SIGKILL

    @contextlib.contextmanager
    def _traced(self) -> Iterator[None]:
        if not self._moment.syscall:
            yield
            return
        pid = self._process.pid
        call, _, number = self._moment.syscall.rpartition(":")
        until(lambda: is_stopped(pid), "it waits to be traced")
        with killed_at(pid, call, int(number)):
            os.kill(pid, signal.SIGCONT)
            yield

    def kill(self) -> None:
        """Kill it from another thread; return when it is no more."""
        assert self._started.wait(WAIT_S)
        self._process.kill()
        assert wait([self._process.sentinel], WAIT_S)
