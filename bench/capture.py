"""`python -m bench.capture`: how much of a project survives its removal, and how soon.

A real Node process writes files, waits, and removes the whole directory as the app
does, by `fs.promises.rm`; a real daemon watches, without a bucket and without a
database. What it sealed is read from its spool. No snapshot is taken before: all that
is saved was taken early.
"""

import argparse
import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench import report
from bench.machine import describe
from expokeep.pack.reader import PackFile
from expokeep.spool.early import FileTaken, records_in

BEGIN = "<!-- capture: written by `python -m bench.capture --write`, not by hand -->"
END = "<!-- end of capture -->"
GAPS_MS = (0, 1, 5, 20, 50, 500)
RUNS = 100
FILES = 20
KEPT = 25
LATENCY_FILES = 1000
_WAIT_S = 60.0
_LOOK_EVERY_S = 0.002
_SETTINGS = """\
debounce: {quiet: 10m, max-wait: 1h}
reconcile-interval: 1d
shutdown: {flush-timeout: 0s}
logging: {level: warning}
"""
_NODE = """
const fs = require('node:fs'), path = require('node:path');
const lines = require('node:readline').createInterface({input: process.stdin});
const cell = new Int32Array(new SharedArrayBuffer(4));
lines.on('line', async line => {
    const {top, gap, count, remove} = JSON.parse(line);
    for (let n = 0; n < count; n++) {
        const file = path.join(top, n % 2 ? 'src' : '.', `new${n}.js`);
        const now = process.hrtime.bigint();
        fs.writeFileSync(file, `number ${n} of ${top} at ${now} end`);
        if (!remove) Atomics.wait(cell, 0, 0, gap);
    }
    if (remove) {
        if (gap) Atomics.wait(cell, 0, 0, gap);
        await fs.promises.rm(top, {recursive: true, force: true});
    }
    console.log('done');
});
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What was saved of files that were closed so long before a removal."""

    gap_ms: int
    runs: int
    whole_runs: int
    saved: int
    files: int

    def told(self) -> str:
        """Return a row of a table."""
        percent = 100 * self.saved / self.files
        return (
            f"| {self.gap_ms} ms | {self.whole_runs} of {self.runs} | {percent:.1f} % |"
        )


class Node:
    """A Node process that does as it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def act(self, **wish: object) -> None:
        """Have it write files, and perhaps remove all."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "done\n":
            raise RuntimeError("node has died")


class Scene:
    """A daemon on a directory, and what it has sealed."""

    def __init__(self, work: Path, node: Node) -> None:
        self.watched, self.spool = work / "watched", work / "state" / "spool"
        self._work = work
        self._node = node

    def project(self) -> str:
        """Make a project that the daemon has taken all of; return its session."""
        sid = uuid.uuid4().hex
        making = self._work / sid
        (making / "src").mkdir(parents=True)
        for number in range(KEPT):
            (making / "src" / f"{number}.js").write_text(f"kept {number}")
        (making / "package.json").write_text("{}")
        making.rename(self.watched / f"expo-{sid}")
        _until(lambda: self._taken(sid) == KEPT + 1)
        return sid

    def removed(self, gap_ms: int) -> int:
        """Have files written and all removed; return how many of them are saved."""
        sid = self.project()
        top = self.watched / f"expo-{sid}"
        self._node.act(top=str(top), gap=gap_ms, count=FILES, remove=True)
        _until(lambda: self._sealed(sid) is not None)
        place = self._sealed(sid)
        assert place is not None
        (pack,) = place.glob("*.tar.zst")
        with PackFile(pack) as file:
            tree = file.manifest.snaps[0].delta.set
        shutil.rmtree(place.parent)
        names = [f"{'src/' if n % 2 else ''}new{n}.js" for n in range(FILES)]
        found = [tree.get(name.encode()) for name in names]
        empty = hashlib.sha256(b"").digest()
        # A file that was taken before its writer had closed it would be empty.
        return sum(one is not None and one.digest != empty for one in found)

    def _taken(self, sid: str) -> int:
        files = (self.spool / ".early").glob(f"{sid}/*/*.early")
        told = (told.record for file in files for told in records_in(file))
        return sum(isinstance(record, FileTaken) for record in told)

    def _sealed(self, sid: str) -> Path | None:
        return next((self.spool / sid).glob("0*-*"), None)


def main() -> None:
    """Measure, print, and write into README.md if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.capture", description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N")
    parser.add_argument("--gaps", type=int, nargs="+", default=GAPS_MS, metavar="MS")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lines: list[str] = []
    work = Path(tempfile.mkdtemp(prefix="expokeep-bench-"))
    try:
        lines += [f"- {line}" for line in describe(work)]
        for busy in (0, os.cpu_count() or 1):
            name = f"{busy} programs that only compute" if busy else "Otherwise idle"
            load = f"load {os.getloadavg()[0]:.1f} at the start"
            lines += ["", f"**{name}**, {load}:", ""]
            with _load(busy):
                lines += _measures(work / f"busy{busy}", options.runs, options.gaps)
    finally:
        shutil.rmtree(work)
    text = "\n".join(lines) + "\n"
    print(text)
    if options.write:
        readme = Path(__file__).parent / "README.md"
        report.write_into(readme, text, (BEGIN, END))


def _measures(work: Path, runs: int, gaps_ms: Sequence[int]) -> Iterator[str]:
    work.mkdir()
    with ExitStack() as stack:
        node = stack.enter_context(_node())
        stack.enter_context(_daemon(work))
        scene = Scene(work, node)
        yield f"- {_latency(scene, node)}"
        yield ""
        yield f"| closed before `fs.rm` | runs with all {FILES} | files saved |"
        yield "| --- | --- | --- |"
        for gap_ms in gaps_ms:
            saved = [scene.removed(gap_ms) for _ in range(runs)]
            whole = sum(one == FILES for one in saved)
            share = Share(gap_ms, runs, whole, sum(saved), FILES * runs)
            print(share.told(), file=sys.stderr, flush=True)
            yield share.told()


def _latency(scene: Scene, node: Node) -> str:
    """Say how long it takes from a close to a copy that survives a kill.

    A file says when it was written, and the journal says when it grows.
    """
    sid = scene.project()
    journal = next((scene.spool / ".early").glob(f"{sid}/*/*.early"))
    top = scene.watched / f"expo-{sid}"
    with _Tail(journal) as tail:
        node.act(top=str(top), gap=5, count=LATENCY_FILES, remove=False)
        _until(lambda: len(tail.taken_ms) == LATENCY_FILES)
    taken_ms = sorted(tail.taken_ms)
    shutil.rmtree(top)
    middle, late = statistics.median(taken_ms), taken_ms[len(taken_ms) * 99 // 100]
    return (
        f"From the last write of a file to its copy on disk: {middle:.2f} ms in the "
        f"middle, {late:.2f} ms for 99 of 100, {taken_ms[-1]:.2f} ms at most, of "
        f"{len(taken_ms)} files, one every 5 ms."
    )


class _Tail:
    """Reads what is appended to a journal, the moment that it is."""

    def __init__(self, journal: Path) -> None:
        self.taken_ms: list[float] = []
        self._journal = journal
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_CLOEXEC)
        modified = 2
        self._libc.inotify_add_watch(self._fd, bytes(journal), modified)

    def __enter__(self) -> Self:
        self._file = self._journal.open("rb")
        self._file.seek(0, os.SEEK_END)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        os.close(self._fd)

    def _read(self) -> None:
        while len(self.taken_ms) < LATENCY_FILES:
            os.read(self._fd, 65536)
            now_ns = time.monotonic_ns()
            for written_ns in re.findall(rb"at (\d+) end", self._file.read()):
                self.taken_ms.append((now_ns - int(written_ns)) / 1e6)


@contextmanager
def _node() -> Iterator[Node]:
    process = subprocess.Popen(
        ["node", "-e", _NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Node(process)
    finally:
        process.kill()
        process.wait()


@contextmanager
def _daemon(work: Path) -> Iterator[None]:
    """Run a daemon without any server: what it keeps stays in its spool."""
    (work / "watched").mkdir()
    config, log = work / "expokeep.yaml", work / "log"
    config.write_text(_SETTINGS)
    bare = {"DATABASE_URL": "", "R2_ENDPOINT": "", "R2_ACCESS_KEY_ID": ""}
    environment = {
        **os.environ,
        **bare,
        "EXPOKEEP_STATE_DIR": str(work / "state"),
        "NOTIFY_SOCKET": str(work / "notify"),
    }
    program = Path(sys.executable).with_name("expokeepd")
    words = [program, "-c", config, "--watch-dir", work / "watched"]
    # Closed once it is ready: who never reads what a daemon says holds it up.
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        log.open("wb") as out,
    ):
        manager.bind(str(work / "notify"))
        manager.settimeout(_WAIT_S)
        process = subprocess.Popen(words, env=environment, stderr=out)
        while b"READY=1" not in manager.recv(65536):
            pass
    try:
        yield
    finally:
        process.terminate()
        process.wait(_WAIT_S)


@contextmanager
def _load(processors: int) -> Iterator[None]:
    spinning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(processors)
    ]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def _until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while not is_so():
        if time.monotonic() > deadline_s:
            raise TimeoutError("the daemon did not do what it should")
        time.sleep(_LOOK_EVERY_S)


if __name__ == "__main__":
    main()
