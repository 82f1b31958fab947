"""`python -m bench.scale`: 1,000 session directories, 11 of them at work.

One file a second is edited, in turns, so that a version a second is recorded; then
everybody rests. What it costs is read from the kernel, what goes over the wires is
counted there, and in the end every edit has to be a version.
"""

import argparse
import itertools
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench import daemon, report
from bench.counting import Tally
from bench.daemon import Daemon
from bench.machine import describe
from bench.peers.base import Ground
from bench.proxy import Proxy
from bench.startup import usage

BEGIN = "<!-- scale: written by `python -m bench.scale --write`, not by hand -->"
END = "<!-- end of scale -->"
SESSIONS = 1_000
ACTIVE = 11
DIRECTORIES_EACH = 8
FILES_EACH = 40
REST_S = 60
SETTLE_S = 15.0
QUIET_S = 30.0
"""So long without a request, and nothing is left to do."""
LONGEST_QUIET_S = 900.0
LONGEST_FLUSH = "15m"


def main() -> None:
    """Measure, print, and write into README.md if asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    parser.add_argument("--sessions", type=int, default=SESSIONS, metavar="N")
    parser.add_argument("--seconds", type=int, default=600, metavar="N")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = Path(tempfile.mkdtemp(prefix="expokeep-bench-"))
    work.chmod(0o711)  # as root, the servers run as nobody: they must get through
    try:
        lines = [*describe(work), *_measures(work, options.sessions, options.seconds)]
    finally:
        shutil.rmtree(work)
    text = "\n".join(f"- {line}" for line in lines) + "\n"
    print(text)
    if options.write:
        readme = Path(__file__).parent / "README.md"
        report.write_into(readme, text, (BEGIN, END))


def _measures(work: Path, sessions: int, length_s: int) -> Iterator[str]:
    watched = work / "watched"
    for number in range(sessions):
        _make(watched / f"expo-s{number}", number)
    with ExitStack() as stack:
        proxy, ground = stack.enter_context(daemon.ground_for(work))
        begin_s = time.monotonic()
        kept = stack.enter_context(daemon.running(ground, watched))
        kept.ask("flush", "--all", "--wait", "--timeout", LONGEST_FLUSH)
        yield (
            f"{sessions} sessions of {FILES_EACH} files in {DIRECTORIES_EACH}"
            f" directories were found and kept {time.monotonic() - begin_s:.0f} s after"
            " the daemon's start."
        )
        scene = _Scene(proxy, kept, watched, ground)
        time.sleep(SETTLE_S)
        yield scene.at_work(length_s)
        yield scene.after_it()
        yield scene.put_together()
        yield scene.at_rest()


def _make(folder: Path, number: int) -> None:
    for file in range(FILES_EACH):
        path = folder / f"src{file % DIRECTORIES_EACH}" / f"file{file}.tsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"export const it = {number}.{file};\n" * 20)
    (folder / "package.json").write_text(f'{{"name": "s{number}"}}\n')


@dataclass(slots=True)
class _Scene:
    """A daemon with many sessions, and the wires to its servers."""

    proxy: Proxy
    daemon: Daemon
    watched: Path
    ground: Ground
    edits: dict[str, list[str]] = field(default_factory=dict)
    """All contents that a session's file was given, in order."""

    def at_work(self, length_s: int) -> str:
        """Edit a file a second, in turns; return what that cost."""
        tally = self.proxy.tally = Tally()
        before = usage(self.daemon.process_id)
        begin_s, most_bytes = time.monotonic(), 0
        for number in itertools.count():
            wait_s = begin_s + number - time.monotonic()
            if number >= length_s:
                break
            time.sleep(max(0.0, wait_s))
            self._edit(f"s{number % ACTIVE}", f"// edit {number}\n")
            found = usage(self.daemon.process_id)
            most_bytes = max(most_bytes, found.resident_bytes)
        took_s = time.monotonic() - begin_s
        after = usage(self.daemon.process_id)
        busy = (after.busy_s - before.busy_s) / took_s
        return (
            f"With {ACTIVE} of them at work, one edit a second for {took_s:.0f} s, the"
            f" daemon used {busy:.1%} of a core (aim: under 100 %), held"
            f" {most_bytes / 1e6:.0f} MB of memory at most (RSS; aim: under 300 MB),"
            f" and made {_told(tally)}."
        )

    def after_it(self) -> str:
        """Look for every edit in the versions; return what was found."""
        self.daemon.ask("flush", "--all", "--wait", "--timeout", LONGEST_FLUSH)
        lost = versions = 0
        for session, edits in self.edits.items():
            kept = self._versions(session) - 1  # the first is of before the edits
            versions += kept
            target = self.ground.room / f"back-{session}"
            self.daemon.ask("restore", session, "--to", target)
            newest = (target / "src0" / "file0.tsx").read_text()
            lost += max(0, len(edits) - kept) + (newest != edits[-1])
        return (
            f"{sum(map(len, self.edits.values()))} edits became {versions} versions;"
            f" {lost} were lost (aim: 0)."
        )

    def put_together(self) -> str:
        """Wait until what the work left to do is done; return what that took."""
        tally = self.proxy.tally = Tally()
        begin_s = last_s = time.monotonic()
        seen = 0
        while time.monotonic() < min(last_s + QUIET_S, begin_s + LONGEST_QUIET_S):
            time.sleep(1.0)
            count = sum(tally.requests.values())
            if count != seen:
                seen, last_s = count, time.monotonic()
        return (
            "What came after the work, such as putting small packs together, took"
            f" {last_s - begin_s:.0f} s and {_told(tally)}."
        )

    def at_rest(self) -> str:
        """Watch it do nothing, and count what goes over the wires."""
        tally = self.proxy.tally = Tally()
        before, asked = usage(self.daemon.process_id), self._transactions()
        time.sleep(REST_S)
        after, asked_since = usage(self.daemon.process_id), self._transactions() - asked
        busy = (after.busy_s - before.busy_s) / REST_S
        return (
            f"At rest for {REST_S} s it used {busy:.2%} of a core, made"
            f" {sum(tally.requests.values())} requests to the bucket (aim: 0) and"
            f" {asked_since} transactions in Postgres (the heartbeat, every 10 s)."
        )

    def _edit(self, session: str, text: str) -> None:
        (self.watched / f"expo-{session}" / "src0" / "file0.tsx").write_text(text)
        self.edits.setdefault(session, []).append(text)

    def _versions(self, session: str) -> int:
        shown = self.daemon.ask("log", session, "--limit", "1")
        return int(shown["versions"][0]["seq"])

    def _transactions(self) -> int:
        """Return how many the daemon's database has seen, without counting ours."""
        name = self.ground.bucket.name.replace("-", "_")
        with psycopg.connect(self.ground.postgres_dsn, autocommit=True) as connection:
            row = connection.execute(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database"
                " WHERE datname = %s",
                (name,),
            ).fetchone()
        assert row is not None
        return int(row[0])


def _told(tally: Tally) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in tally.requests.items())
    return f"{sum(tally.requests.values())} requests to the bucket ({counts})"


if __name__ == "__main__":
    main()
