"""`python -m bench.promises`: what the user's document says of times, and what is.

Each line names the requirement that it answers. Times of one machine prove nothing
about another, so no test asserts them; this shows them, with the wire that they were
taken on.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import daemon, report, tools
from bench.daemon import Daemon
from bench.machine import describe
from bench.proxy import Proxy

BEGIN = "<!-- promises: written by `python -m bench.promises --write`, not by hand -->"
END = "<!-- end of promises -->"
_MIB = 1 << 20
_LARGE_BYTES = 300 * _MIB
_WRITES = 400
_BETWEEN_WRITES_S = 0.005


def main() -> None:
    """Measure, print, and write into README.md if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.promises", description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = Path(tempfile.mkdtemp(prefix="expokeep-bench-"))
    work.chmod(0o711)  # as root, the servers run as nobody: they must get through
    try:
        lines = [*describe(work), *_promises(work)]
    finally:
        shutil.rmtree(work)
    text = "\n".join(f"- {line}" for line in lines) + "\n"
    print(text)
    if options.write:
        readme = Path(__file__).parent / "README.md"
        report.write_into(readme, text, (BEGIN, END))


def _promises(work: Path) -> Iterator[str]:
    with ExitStack() as stack:
        proxy, ground = stack.enter_context(daemon.ground_for(work))
        watched = work / "watched"
        watched.mkdir()
        running = daemon.running(ground, watched, daemon.ONLY_WHEN_ASKED)
        scene = _Scene(proxy, stack.enter_context(running), watched, work)
        yield scene.many_objects()
        yield scene.many_files_back()
        yield scene.progress()
        yield scene.writers()


@dataclass(frozen=True, slots=True)
class _Scene:
    """A daemon, the wire to its bucket, and sessions to make."""

    proxy: Proxy
    daemon: Daemon
    watched: Path
    work: Path

    def many_objects(self) -> str:
        """Save many files, some of them large, over a slow wire."""
        self.proxy.added_rtt_s = 0.1
        session = self._session("many", files=64, bytes_each=4096)
        for number in range(8):
            _write(session / f"{number}.mov", 9 * _MIB, number)
        took_s = self.daemon.ask("save", "many")["took_s"]
        return (
            "R71, uploads in parallel: 64 small files and 8 of 9 MiB were saved in"
            f" {took_s:.2f} s with 100 ms of round trip added (one object after the"
            " other would wait 0.9 s for round trips alone)."
        )

    def many_files_back(self) -> str:
        """Restore many files over a wire of 50 ms."""
        self.proxy.added_rtt_s = 0.0
        self._session("back", files=200, bytes_each=20_000)
        self.daemon.ask("save", "back")
        self.proxy.added_rtt_s = 0.05
        done = self.daemon.ask("restore", "back", "--to", self.work / "back")
        return (
            "R135, downloads in parallel: 200 files came back in"
            f" {done['took_s']:.2f} s with 50 ms of round trip added (asked: 1.5 s)."
        )

    def progress(self) -> str:
        """Upload a large file, and count what is told of it."""
        self.proxy.added_rtt_s = 0.02
        _write(self._session("large", files=1, bytes_each=10) / "a.mov", _LARGE_BYTES)
        begin = time.perf_counter()
        told = self._told("large")
        took_s = time.perf_counter() - begin
        return (
            f"R131, progress: a save of 300 MiB took {took_s:.1f} s and told"
            f" {len(told)} times how far it was (asked: once a second of upload)."
        )

    def writers(self) -> str:
        """Compare how long writes take while nothing is uploaded, and meanwhile."""
        session = self._session("busy", files=1, bytes_each=10)
        alone = _write_times_s(session / "alone.txt")
        _write(session / "a.mov", _LARGE_BYTES, seed=7)
        saving = threading.Thread(target=self._told, args=("busy",))
        saving.start()
        meanwhile = _write_times_s(session / "meanwhile.txt")
        saving.join()
        ratio = _p99(meanwhile) / _p99(alone)
        return (
            "R133, nobody waits for an upload: the 99th percentile of a write in the"
            f" session took {_p99(alone) * 1e3:.2f} ms alone and"
            f" {_p99(meanwhile) * 1e3:.2f} ms while 300 MiB of it were saved"
            f" ({ratio:.2f}x; medians {statistics.median(alone) * 1e3:.3f} and"
            f" {statistics.median(meanwhile) * 1e3:.3f} ms). Two cores are shared with"
            " the daemon and the S3 server here; no lock is."
        )

    def _session(self, name: str, *, files: int, bytes_each: int) -> Path:
        session = self.watched / f"expo-{name}"
        session.mkdir()
        for number in range(files):
            _write(session / f"{number}.txt", bytes_each, seed=number)
        return session

    def _told(self, name: str) -> list[str]:
        """Save a session; return its lines of progress."""
        done = subprocess.run(
            [str(tools.expokeep("expokeep")), "save", name, "--json"],
            env={**os.environ, "EXPOKEEP_STATE_DIR": str(self.daemon.state)},
            capture_output=True,
            text=True,
            check=True,
        )
        lines = done.stdout.splitlines()
        return [
            line for line in lines if json.loads(line)["message_type"] == "progress"
        ]


def _write(path: Path, size_bytes: int, seed: int = 0) -> None:
    chance = random.Random(seed)
    with path.open("wb") as file:
        while (left := size_bytes - file.tell()) > 0:
            file.write(chance.randbytes(min(left, _MIB)))


def _write_times_s(path: Path) -> list[float]:
    """Return how long each of many small writes took, as an editor would write."""
    times_s = []
    for number in range(_WRITES):
        begin = time.perf_counter()
        path.write_text(f"line {number}\n" * 50)
        times_s.append(time.perf_counter() - begin)
        time.sleep(_BETWEEN_WRITES_S)
    return times_s


def _p99(times_s: list[float]) -> float:
    return statistics.quantiles(times_s, n=100)[98]


if __name__ == "__main__":
    main()
