"""Runs a journey in a process of its own, and kills that process at a chosen moment.

The process is forked from one that is warm already (`warmed`), so that hundreds of
deaths fit into a minute. It dies by SIGKILL: no `finally` runs, no buffer is written.
"""

import atexit
import contextlib
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
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


def run(journey: Journey, place: Place, moment: Moment) -> int:
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
        return REFUSED
    return TOO_LATE


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


@functools.cache
def _server() -> Connection:
    """Start the process that victims are forked from, for as long as we live."""
    ours, theirs = socket.socketpair()
    program = os.fspath(Path(__file__).with_name("warmed.py"))
    with theirs:
        server = subprocess.Popen(
            [sys.executable, program, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
    connection = Connection(ours.detach())

    def end() -> None:
        connection.close()
        server.wait(WAIT_S)

    atexit.register(end)
    return connection


class Victim:
    """A journey in a process of its own."""

    def __init__(self, journey: Journey, place: Place, **moment: int | str) -> None:
        self._moment = Moment(**moment)
        self._errand = (journey, place, self._moment)
        self._started = threading.Event()
        self._pid = 0

    def run(self) -> bool:
        """Run it to its end; return whether it was killed before it came to its own."""
        server = _server()
        server.send(self._errand)
        self._pid = server.recv()
        self._started.set()
        with self._traced():
            assert server.poll(WAIT_S), "it does not come to its end"
        code = server.recv()
        assert code in {-signal.SIGKILL, TOO_LATE}, f"it ended with {code}"
        return code == -signal.SIGKILL

    @contextlib.contextmanager
    def _traced(self) -> Iterator[None]:
        if not self._moment.syscall:
            yield
            return
        call, _, number = self._moment.syscall.rpartition(":")
        until(lambda: is_stopped(self._pid), "it waits to be traced")
        with killed_at(self._pid, call, int(number)):
            os.kill(self._pid, signal.SIGCONT)
            yield

    def kill(self) -> None:
        """Kill it from another thread; return when it is no more."""
        assert self._started.wait(WAIT_S)
        with contextlib.suppress(ProcessLookupError):
            pid_fd = os.pidfd_open(self._pid)
            try:
                signal.pidfd_send_signal(pid_fd, signal.SIGKILL)
                assert select.select([pid_fd], [], [], WAIT_S)[0]
            finally:
                os.close(pid_fd)
