"""What tests of the watch share: a sink that remembers, and a look into the kernel."""

import ctypes
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from expokeep import clock
from expokeep.model.ignore import DEFAULT_EXCLUDES, Rules, project_lines, rules
from expokeep.watch.observer import Observer
from expokeep.watch.values import Assignment, SessionDirectory, Timings, WatchRoot

WAIT_S = 20.0
"""For what must come; a machine may be busy."""

IMPATIENT = Timings(
    # Nothing may be found by the backstop: an event must have told.
    listing_every_s=3600.0,
    park_s=0.05,
    walk_pause_s=0.02,
    poll_first_s=0.02,
    poll_most_s=0.1,
    doubt_first_s=0.02,
    doubt_most_s=0.2,
    cookie_every_s=3600.0,
    cookie_within_s=5.0,
)


class Recorder:
    """A sink that writes down what it is told, as (what, name of the directory)."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self.told: list[tuple[str, str]] = []

    def appeared(self, directory: SessionDirectory) -> None:
        self._note("appeared", directory)

    def changed(self, directory: SessionDirectory) -> None:
        self._note("changed", directory)

    def disappeared(self, directory: SessionDirectory) -> None:
        self._note("disappeared", directory)

    def doubted(self) -> None:
        self._note("doubted", None)

    def wait_for(self, what: str, name: str = "") -> None:
        with self._news:
            assert self._news.wait_for(lambda: (what, name) in self.told, WAIT_S), (
                f"{what} {name} never came, only {self.told}"
            )

    def forget(self) -> None:
        with self._news:
            self.told.clear()

    def _note(self, what: str, directory: SessionDirectory | None) -> None:
        with self._news:
            name = "" if directory is None else Path(os.fsdecode(directory.path)).name
            self.told.append((what, name))
            self._news.notify_all()


class Touchy(Recorder):
    """A sink that cannot bear one session."""

    def changed(self, directory: SessionDirectory) -> None:
        super().changed(directory)
        if directory.session == "bad":
            raise RuntimeError("this session again")


class Hanging(Recorder):
    """A sink that does not return, the first time it hears of a change."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()

    def changed(self, directory: SessionDirectory) -> None:
        super().changed(directory)
        assert self.may_go_on.wait(WAIT_S)


class Scene:
    """A watch root, an observer on it, and what it told."""

    def __init__(
        self, directory: Path, sink: "Recorder | None" = None, **options: object
    ) -> None:
        self.tmp = directory / "tmp"
        self.outside = directory / "outside"
        self.private = directory / "private"
        self.tmp.mkdir()
        self.outside.mkdir()
        self.sink = sink or Recorder()
        self.task = Assignment(
            **{
                "roots": (WatchRoot(os.fsencode(self.tmp)),),
                "excluded": excluded,
                "sink": self.sink,
                "timings": IMPATIENT,
                **options,
            }
        )
        self.observer = Observer(self.task, self.private)

    def settle(self) -> None:
        """Wait until everything that was done has been told."""
        assert self.observer.barrier(WAIT_S)

    def told(self) -> list[tuple[str, str]]:
        """Return what was told since the last time, a run of repetitions once."""
        self.settle()
        told = self.sink.told.copy()
        self.sink.forget()
        return [
            line
            for line, before in zip(told, [None, *told], strict=False)
            if line != before
        ]

    def let_go(self) -> None:
        """Let a reader go on that was held up."""
        assert isinstance(self.sink, Hanging)
        self.sink.may_go_on.set()

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that comes by itself, turn by turn of the reader."""
        deadline_s = clock.monotonic_s() + WAIT_S
        while not is_so():
            assert clock.monotonic_s() < deadline_s
            self.settle()

    def until_watched(self, *directories: Path) -> None:
        """Wait until the kernel watches exactly these, below the watch root."""
        expected = {inode(directory) for directory in directories}
        try:
            self.until(lambda: self.watched() == expected)
        except AssertionError as error:
            missing = [
                str(path) for path in directories if inode(path) not in self.watched()
            ]
            surplus = self.watched() - expected
            raise AssertionError(f"{missing=} {surplus=}") from error

    def watched(self) -> set[int]:
        """Return the inodes of the session directories that the kernel watches."""
        ours = {inode(self.tmp), inode(self.private)}
        watched = kernel_watches(os.getpid(), self.observer._reader._inotify_fd)
        assert ours <= watched
        return watched - ours


@contextmanager
def watching(directory: Path, **options: object) -> Iterator[Scene]:
    """Watch an empty root."""
    scene = Scene(directory, **options)
    with scene.observer:
        yield scene


@contextmanager
def watching_late(directory: Path, **options: object) -> Iterator[Scene]:
    """Watch a root with a session `expo-a`, and hold the reader up.

    It goes on, and reads of a world that is long gone, when `scene.let_go` is called.
    """
    with watching(directory, sink=Hanging(), **options) as scene:
        (scene.tmp / "expo-a").mkdir()
        scene.settle()
        (scene.tmp / "expo-a" / "first").touch()
        scene.sink.wait_for("changed", "expo-a")
        scene.sink.forget()
        yield scene


def excluded(directory: SessionDirectory) -> Rules:
    """Read the rules of a session as the daemon does."""
    ignore_file = Path(os.fsdecode(directory.path), ".expokeepignore")
    try:
        lines = project_lines(ignore_file.read_bytes())
    except OSError:
        lines = []
    return rules(DEFAULT_EXCLUDES, lines)


def inode(path: Path) -> int:
    return path.stat(follow_symlinks=False).st_ino


def all_below(*roots: Path) -> list[Path]:
    """Return these directories and all below them, symlinks apart."""
    found = []
    for root in roots:
        found += [Path(where) for where, _, _ in os.walk(root)]
    return found


def kernel_watches(pid: int, fd: int) -> set[int]:
    """Return the inodes that an inotify instance watches, as the kernel lists them."""
    text = Path(f"/proc/{pid}/fdinfo/{fd}").read_text(encoding="ascii")
    return {
        int(ino, 16)
        for ino in re.findall(r"^inotify .*ino:([0-9a-f]+)", text, re.MULTILINE)
    }


def exchange(one: Path, other: Path) -> None:
    """Swap two names at once, as `renameat2(RENAME_EXCHANGE)` does."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_cwd, flag_exchange = -100, 2
    if libc.renameat2(
        at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), flag_exchange
    ):
        raise OSError(ctypes.get_errno(), "not exchanged")
