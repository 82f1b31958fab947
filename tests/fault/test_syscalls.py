"""kill -9 at system calls of the whole daemon: `expokeepd --once` below strace.

A first run tells how many calls of each kind its threads make, and from which on they
are about sessions and state rather than about Python; then each of a sample of them is
the last call of a run. Whatever was left, the next run makes it good.
"""

import contextlib
import itertools
import os
import re
import subprocess
from collections import Counter

import pytest

from consistency import Books, assert_consistent
from daemons import SCRIPTS, daemon_on, differences, write
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.store.s3 import S3Settings, S3Store
from tracing import SYSCALLS

SAMPLES = 6
"""Of each kind: 42 deaths in all."""
CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\(")


@pytest.fixture(scope="module")
def books(site):
    keys = (site.seaweed.access_key_id, site.seaweed.secret_access_key)
    store = S3Store(S3Settings(site.seaweed.endpoint_url, site.bucket, *keys))
    catalog = PostgresCatalog(Database(site.database_url))
    with contextlib.closing(store), contextlib.closing(catalog):
        yield Books(catalog, site.database_url, store)


class Once:
    """A daemon that keeps everything and ends, and a session that it is to keep."""

    def __init__(self, site, daemon) -> None:
        self.site, self.daemon = site, daemon
        self.sid, self.place = site.session("once")
        self.edits = itertools.count(1)

    def edit(self) -> None:
        number = next(self.edits)
        write(self.place, {"App.js": f"{number}" * 1000, f"src/{number}.js": "new"})

    def run(self, *before: str) -> int:
        command = [*before, str(SCRIPTS / "expokeepd"), "--once"]
        command += ["-c", str(self.daemon.config), "--watch-dir", str(self.site.watch)]
        with (self.site.top / "once.log").open("ab") as log:
            return subprocess.run(
                command, env=self.daemon._own(), stdout=log, stderr=log, check=False
            ).returncode

    def assert_kept(self, books) -> None:
        assert self.run() == 0, (self.site.top / "once.log").read_text()[-3000:]
        assert self.daemon.spooled(self.sid) == 0
        back = self.site.top / f"back-{next(self.edits)}"
        done = self.daemon.cli("restore", self.sid, "--direct", "--to", back)
        assert done.returncode == 0, done.stderr
        assert differences(self.place, back) == ""
        assert_consistent(books)


@pytest.fixture(scope="module")
def once(site):
    with daemon_on(site) as daemon:
        yield Once(site, daemon)


@pytest.fixture(scope="module")
def interesting(once):
    """From which call on, and up to which, a kind is about us; by its name."""
    once.edit()
    log = once.site.top / "calls"
    every = "|".join(f"({rule.removeprefix('/')})" for rule in SYSCALLS.values())
    tracing = (
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        str(log),
        "-e",
        f"trace=/{every}",
    )
    assert once.run(*tracing) == 0, (once.site.top / "once.log").read_text()[-3000:]
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in SYSCALLS}
    first = dict.fromkeys(SYSCALLS, 1)
    for line in log.read_text(errors="replace").splitlines():
        if (found := CALL.match(line)) is None:
            continue
        kind = next(k for k, rule in SYSCALLS.items() if _is_of(found["name"], rule))
        counts[kind][found["thread"]] += 1
        # Before it opens anything of ours, it opens the modules of Python.
        if kind == "open" and first[kind] == 1 and os.fspath(once.site.top) in line:
            first[kind] = counts[kind][found["thread"]]
    return {kind: (first[kind], max(counts[kind].values())) for kind in SYSCALLS}


def _is_of(name: str, rule: str) -> bool:
    return bool(re.match(rule[1:], name)) if rule.startswith("/") else name == rule


@pytest.mark.long
@pytest.mark.parametrize("sample", range(SAMPLES))
@pytest.mark.parametrize("kind", SYSCALLS)
def test_a_daemon_killed_at_a_system_call_loses_nothing(
    once, books, interesting, kind, sample
):
    first, last = interesting[kind]
    number = first + (last - first) * sample // max(1, SAMPLES - 1)
    once.edit()
    rule = SYSCALLS[kind]
    once.run(
        *(
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            f"trace={rule}",
        ),
        *("-e", f"inject={rule}:signal=SIGKILL:when={number}"),
    )

    once.assert_kept(books)
