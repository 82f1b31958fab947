"""`python -m bench.startup`: what a command costs, and a daemon with nothing to do.

The command is compared with the least that a Python program with a command line can
cost. The daemon watches 1,000 sessions that are all kept, and is left alone.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import daemon, report, tools
from bench.counting import Tally
from bench.machine import describe
from bench.proxy import Proxy

BEGIN = "<!-- startup: written by `python -m bench.startup --write`, not by hand -->"
END = "<!-- end of startup -->"
_STARTS = 15
_SESSIONS = 1_000
_FILES_EACH = 5
_SETTLE_S = 10.0
_WATCH_S = 300
"""As long as it is between two full looks at every session, so that one falls in."""
_CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure both, print, and write them into README.md if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.startup", description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    parser.add_argument("--sessions", type=int, default=_SESSIONS, metavar="N")
    parser.add_argument("--seconds", type=int, default=_WATCH_S, metavar="N")
    options = parser.parse_args()
    # Ended either way, it unwinds: no server and no daemon is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = Path(tempfile.mkdtemp(prefix="expokeep-bench-"))
    work.chmod(0o711)  # as root, the servers run as nobody: they must get through
    try:
        lines = [*describe(work), *_starts(), *_idle(work, options)]
    finally:
        shutil.rmtree(work)
    text = "\n".join(f"- {line}" for line in lines) + "\n"
    print(text)
    if options.write:
        readme = Path(__file__).parent / "README.md"
        report.write_into(readme, text, (BEGIN, END))


def _starts() -> Iterator[str]:
    """Start both programs in turns, and compare their medians."""
    ours = [str(tools.expokeep("expokeep")), "--version"]
    least = [sys.executable, "-c", "import click"]
    times_s: dict[str, list[float]] = {"ours": [], "least": []}
    for _ in range(_STARTS):
        times_s["ours"].append(_took_s(ours))
        times_s["least"].append(_took_s(least))
    ours_s, least_s = (statistics.median(times) for times in times_s.values())
    yield (
        f"`expokeep --version` took {ours_s * 1e3:.0f} ms, `python -c 'import click'`"
        f" {least_s * 1e3:.0f} ms: {ours_s / least_s:.2f}x (aim: at most 1.5x)."
    )


def _took_s(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def _idle(work: Path, options: argparse.Namespace) -> Iterator[str]:
    """Let a daemon keep many sessions, then watch it do nothing."""
    watched = work / "watched"
    for number in range(options.sessions):
        _session(watched / f"expo-idle{number}", number)
    with ExitStack() as stack:
        proxy, ground = stack.enter_context(daemon.ground_for(work))
        begin = time.monotonic()
        kept = stack.enter_context(daemon.running(ground, watched))
        kept.ask("flush", "--all", "--wait", "--timeout", "10m")
        took_s = time.monotonic() - begin
        time.sleep(_SETTLE_S)
        yield (
            f"{options.sessions} sessions were found and kept {took_s:.0f} s after the"
            " daemon's start."
        )
        yield _watch(proxy, kept.process_id, options.seconds)


def _session(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    for file in range(_FILES_EACH):
        (folder / f"file{file}.tsx").write_text(f"export const it = {number}.{file};\n")


def _watch(proxy: Proxy, process_id: int, watch_s: int) -> str:
    """Look at the daemon twice, and say what came to pass in between."""
    tally = proxy.tally = Tally()
    before = usage(process_id)
    time.sleep(watch_s)
    after = usage(process_id)
    busy = (after.busy_s - before.busy_s) / watch_s
    return (
        f"In {watch_s} idle seconds the daemon used {busy:.2%} of a core (aim: under"
        f" 1 %), made {sum(tally.requests.values())} requests to the bucket (aim:"
        f" 0), and held {after.resident_bytes / 1e6:.0f} MB of memory (RSS)."
    )


@dataclass(frozen=True, slots=True)
class _Usage:
    busy_s: float
    resident_bytes: int


def usage(process_id: int) -> _Usage:
    """What the kernel says of one process: its threads, not its children."""
    folder = Path("/proc") / str(process_id)
    # The second field is the program's name in brackets, and may hold spaces.
    fields = (folder / "stat").read_text().rpartition(") ")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int((folder / "statm").read_text().split()[1])
    return _Usage(ticks / _CLOCK_TICKS_PER_S, pages * os.sysconf("SC_PAGE_SIZE"))


if __name__ == "__main__":
    main()
