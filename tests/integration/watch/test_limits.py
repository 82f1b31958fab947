"""The watch when the kernel says no: a full queue, no watches left, no right to look.

Each needs a process of its own, to be stopped or to live in a user namespace.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from watching import WAIT_S

PROGRAM = Path(__file__).parents[2] / "watching_program.py"


class Child:
    """The program, and what it said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._told: queue.Queue[tuple[str, str]] = queue.Queue()
        self._answers: queue.Queue[dict[str, object]] = queue.Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def wait_for(self, what: str, whom: str = "") -> None:
        while (what, whom) != self._told.get(timeout=WAIT_S):
            pass

    def told(self) -> list[tuple[str, str]]:
        """Return what was told and not yet asked for."""
        return [self._told.get() for _ in range(self._told.qsize())]

    def ask(self, command: str) -> dict[str, object]:
        print(command, file=self.process.stdin, flush=True)
        return self._answers.get(timeout=WAIT_S)

    def until(self, is_so: Callable[[dict[str, object]], bool]) -> None:
        for _ in range(10_000):
            if is_so(self.ask("stats")):
                return
        pytest.fail(f"never came to be: {self.ask('stats')}")

    def _read(self) -> None:
        for line in self.process.stdout:
            what, whom = json.loads(line)
            if what == "stats":
                self._answers.put(whom)
            else:
                self._told.put((what, whom))


@contextmanager
def watching_apart(directory: Path, *before: str, limit: str = "") -> Iterator[Child]:
    """Run the program on a directory, with something before it on the command line."""
    process = subprocess.Popen(
        [*before, sys.executable, PROGRAM, directory, limit],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = Child(process)
    try:
        child.wait_for("ready")
        yield child
    finally:
        process.stdin.close()
        process.wait(WAIT_S)
        child._reading.join(WAIT_S)
        process.stdout.close()


def needs_namespaces(*options: str) -> None:
    """Fail, with a hint, where this machine gives nobody such namespaces."""
    program = shutil.which("unshare")
    if program is None:
        pytest.fail("unshare is missing: apt-get install util-linux")
    tried = subprocess.run(
        [program, *options, "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        pytest.fail(f"no namespaces ({tried.stderr.strip()}): run the tests as root")


def test_after_an_overflow_every_session_is_suspect(tmp_path: Path) -> None:
    for name in ("busy", "quiet"):
        (tmp_path / "tmp" / f"expo-{name}" / "src").mkdir(parents=True)
    busy, quiet = (tmp_path / "tmp" / f"expo-{name}" for name in ("busy", "quiet"))
    with watching_apart(tmp_path) as child:
        child.process.send_signal(signal.SIGSTOP)
        for number in range(20_000):
            path = busy / "src" / f"{number % 7}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            path.unlink()
        (quiet / "src" / "new" / "deep").mkdir(parents=True)
        (tmp_path / "tmp" / "expo-late").mkdir()
        child.process.send_signal(signal.SIGCONT)

        child.wait_for("changed", "busy")
        child.wait_for("doubted")
        # The directory that nobody was told of has its watches, and is a change.
        child.until(lambda stats: stats["watches"] == 2 + 4 + 1)
        assert child.ask("stats")["overflows"] >= 1
        (quiet / "src" / "new" / "deep" / "x").touch()
        child.wait_for("changed", "quiet")


def test_without_watches_left_a_session_is_polled_until_there_are(
    tmp_path: Path,
) -> None:
    needs_namespaces("--user", "--map-root-user")
    for name in ("a", "b"):
        for number in range(20):
            (tmp_path / "tmp" / f"expo-{name}" / f"{number}").mkdir(parents=True)
    with watching_apart(
        tmp_path, "unshare", "--user", "--map-root-user", limit="30"
    ) as child:
        stats = child.ask("stats")
        assert stats["watches"] == 28
        [[hurt, reason]] = stats["degraded"]
        assert reason == "ENOSPC"
        child.wait_for("changed", hurt)
        child.wait_for("changed", hurt)

        (tmp_path / "tmp" / "expo-c").mkdir()
        child.wait_for("appeared", "c")

        child.ask("limit 100")
        child.until(lambda stats: not stats["degraded"])
        assert child.ask("stats")["watches"] == 21 + 21 + 1
        (tmp_path / "tmp" / "expo-c" / "x").touch()
        child.wait_for("changed", "c")


def test_a_directory_that_may_not_be_read_is_polled_until_it_may(
    tmp_path: Path,
) -> None:
    needs_namespaces("--user")
    shop, locked = tmp_path / "tmp" / "expo-shop", tmp_path / "tmp" / "expo-locked"
    (shop / "secret" / "src").mkdir(parents=True)
    (locked / "src").mkdir(parents=True)
    (shop / "secret").chmod(0)
    locked.chmod(0)
    # In a namespace where nobody is root, root has the rights of an owner only.
    before = () if os.geteuid() else ("unshare", "--user")
    with watching_apart(tmp_path, *before) as child:
        stats = child.ask("stats")
        assert sorted(stats["degraded"]) == [["locked", "EACCES"], ["shop", "EACCES"]]
        assert stats["watches"] == 1
        child.wait_for("changed", "shop")
        child.wait_for("changed", "locked")

        (shop / "secret").chmod(0o700)
        locked.chmod(0o700)

        child.until(lambda stats: not stats["degraded"])
        assert child.ask("stats")["watches"] == 3 + 2
        (locked / "src" / "x").touch()
        child.wait_for("changed", "locked")

        # That we may not look is no proof that there is nothing.
        (tmp_path / "tmp").chmod(0)
        stats = child.ask("rescan shop locked")
        assert stats["watches"] == 3 + 2
        assert sorted(stats["degraded"]) == [["locked", "EACCES"], ["shop", "EACCES"]]
        (tmp_path / "tmp").chmod(0o700)
        child.until(lambda stats: not stats["degraded"])


def test_mounts_inside_sessions_neither_loop_nor_steal(tmp_path: Path) -> None:
    needs_namespaces("--user", "--map-root-user", "--mount")
    a, b, c = (tmp_path / "tmp" / f"expo-{name}" for name in "abc")
    for path in (a / "src" / "itself", a / "other", a / "all", b / "src", c):
        path.mkdir(parents=True)
    script = (
        'mount --bind "$0" "$0/all"; mount --bind "$0/src" "$0/src/itself"; '
        'mount --bind "$1" "$0/other"; shift; exec "$@"'
    )
    options = ("--user", "--map-root-user", "--mount")
    shell = ("sh", "-c", script, a, b)
    with watching_apart(tmp_path, "unshare", *options, *shell) as child:
        for session in ("b", "a", "b", "a"):
            stats = child.ask(f"rescan {session}")
            assert stats["watches"] == 2 + 2 + 1
            assert not stats["degraded"]
        child.told()
        (b / "x").touch()
        child.ask("stats")
        assert {*child.told()} == {("changed", "b")}

        child.ask(f"run mount -t tmpfs none {c}")
        child.ask("rescan c")
        child.wait_for("appeared", "c")
        child.ask(f"run umount {c}")
        child.wait_for("disappeared", "c")
        child.wait_for("appeared", "c")
