"""Outages that last until the spool is at its bound: each newest state is safe."""

import contextlib
import dataclasses
import datetime
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemons import Daemon, Site, appear, daemon_on, digests, until, write
from expokeep import clock
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.crash import FOLDING
from expokeep.embedded.postgres import running_postgres

BOUND = 1 << 20
SETTINGS = """\
debounce: {quiet: 100ms, max-wait: 1s, deletion-grace: 1s}
storage: {retries: 1, retry-max-delay: 200ms}
shutdown: {flush-timeout: 10s}
spool: {max-size: 1MB, min-free: 0B}
"""
BIG = 300_000
"""Of contents that each edit of a test supersedes."""


@pytest.fixture
def bounded(site: Site, request) -> Iterator[Daemon]:
    """A daemon whose spool is soon at its bound, and a place without sessions."""
    with daemon_on(site, request.node.name[-20:], settings=SETTINGS) as daemon:
        yield daemon
    site.relay.come_back()
    for one in site.watch.iterdir():
        shutil.rmtree(one)


def newest(daemon: Daemon, sid: str) -> str:
    """Return the pack of what was sealed last of a session; a fold bears the same."""
    names = sorted(one.name for one in (daemon.state / "spool").glob(f"{sid}/0*"))
    return names[-1][11:47] if names else ""


def edit(daemon: Daemon, place: Path, sid: str, number: int) -> None:
    """Make a change that supersedes the one before, and wait until it is safe."""
    before = newest(daemon, sid)
    write(place, {"App.js": f"{number}", "assets/big.bin": os.urandom(BIG)})
    until(lambda: newest(daemon, sid) not in (before, ""), f"edit {number} is safe")


def on_disk(daemon: Daemon) -> int:
    """Return how many bytes the packs in the spool have."""
    total = 0
    for pack in (daemon.state / "spool").glob("*/0*/*.zst"):
        with contextlib.suppress(FileNotFoundError):
            total += pack.stat().st_size
    return total


def assert_newest_restores(daemon: Daemon, sid: str, place: Path) -> None:
    back = daemon.site.top / f"back-{sid}"
    daemon.ask("restore", sid, "--to", back)
    assert digests(back) == digests(place)


def assert_in_order(rows) -> None:
    """Check that versions follow on each other, with the times of their states."""
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["parent_seq"] for row in rows] == [None, *range(1, len(rows))]
    moments = [row["taken_at"] for row in rows]
    assert moments == sorted(moments)
    assert [row["parked"] for row in rows] == [None] * len(rows)


def test_an_outage_of_the_bucket_fills_the_spool_to_its_bound_and_no_further(
    bounded, site
):
    bounded.start()
    places = dict(site.session() for _ in range(2))
    for sid, place in places.items():
        appear(place, {"App.js": "1", "package.json": "{}"})
        bounded.await_versions(sid, 1)
    site.relay.go_down()
    began_at = clock.now()
    for number in range(2, 7):
        for sid, place in places.items():
            edit(bounded, place, sid, number)
            last_at = clock.now()
        assert on_disk(bounded) < BOUND + 3 * BIG

    until(lambda: bounded.ask("status")["spool"]["state"] == "full", "status says so")
    status = bounded.ask("status")
    assert status["state"] == "degraded"
    assert status["spool"]["refused"] == 0  # captures were never held up
    assert status["spool"]["max_bytes"] == BOUND
    assert {one["state"] for one in status["sessions"]} == {"waiting"}
    told = bounded.cli("status").stdout
    assert "full for" in told
    oldest_at = datetime.datetime.fromisoformat(status["oldest_unsaved_at"])
    assert began_at < oldest_at < began_at + (last_at - began_at) / 2

    site.relay.come_back()
    bounded.ask("flush", "--all", "--wait")
    until(lambda: bounded.ask("status")["state"] == "ok", "all is well again")
    for sid, place in places.items():
        rows = site.versions(sid)
        assert 2 <= len(rows) < 6
        assert_in_order(rows)
        assert began_at < rows[-1]["taken_at"] < last_at
        assert_newest_restores(bounded, sid, place)
    assert bounded.log.count("the spool is full") == 1
    assert bounded.log.count("room for the spool again") == 1
    assert bounded.stop() == 0


@contextlib.contextmanager
def postgres_of(site: Site) -> Iterator[str]:
    """Run a Postgres that a test may end; what it holds is there the next time."""
    home = site.top / "own"
    home.mkdir(mode=0o755, exist_ok=True)
    with running_postgres(home, durable=False) as postgres:
        with contextlib.closing(PostgresCatalog(Database(postgres.dsn))) as catalog:
            catalog.migrate()
        yield postgres.dsn


def test_an_outage_of_both_beyond_the_bound_and_a_kill_lose_no_newest_state(
    prepare_site,
):
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(prepare_site())
        with postgres_of(site) as dsn:
            own = dataclasses.replace(site, database_url=dsn)
            daemon = stack.enter_context(daemon_on(own, settings=SETTINGS))
            sid, place = own.session()
            daemon.start()
            appear(place, {"App.js": "1", "package.json": "{}"})
            daemon.await_versions(sid, 1)
        site.relay.go_down()
        late, other = own.session()
        appear(other, {"App.js": "1", "package.json": "{}"})
        for number in range(2, 6):
            edit(daemon, place, sid, number)
            edit(daemon, other, late, number)
            if number == 3:
                daemon.kill()
                daemon.start()  # without either: that is a state, and no failed start
        assert on_disk(daemon) < BOUND + 3 * BIG
        assert daemon.ask("status")["spool"]["refused"] == 0

        with postgres_of(site):
            site.relay.come_back()
            daemon.ask("flush", "--all", "--wait")
            for one, its_place in ((sid, place), (late, other)):
                assert_in_order(own.versions(one))
                assert_newest_restores(daemon, one, its_place)
            assert daemon.stop() == 0


@pytest.mark.parametrize(
    "point",
    [
        FOLDING[0],
        pytest.param(f"{FOLDING[1]}:1", marks=pytest.mark.long),
        f"{FOLDING[1]}:2",
    ],
)
def test_killed_anywhere_in_a_fold_no_state_is_lost_and_none_is_told_twice(
    bounded, site, point
):
    sid, place = site.session()
    bounded.start(crash=point)
    appear(place, {"App.js": "1", "package.json": "{}"})
    bounded.await_versions(sid, 1)
    site.relay.go_down()
    number = 1
    while bounded.process.poll() is None:
        number += 1
        with contextlib.suppress(AssertionError):
            edit_or_end(bounded, place, sid, number)
    assert bounded.wait() == -signal.SIGKILL

    bounded.start()
    edit(bounded, place, sid, number + 1)
    site.relay.come_back()
    bounded.ask("flush", "--all", "--wait")

    rows = site.versions(sid)
    assert_in_order(rows)
    assert len({row["tree"] for row in rows}) == len(rows)
    assert_newest_restores(bounded, sid, place)
    until(lambda: bounded.ask("status")["state"] == "ok", "all is well again")
    assert list((bounded.state / "spool").glob(f"{sid}/*")) == []
    assert bounded.stop() == 0


def edit_or_end(daemon: Daemon, place: Path, sid: str, number: int) -> None:
    """Make a change, and wait until it is safe, or until the daemon is killed."""
    before = newest(daemon, sid)
    write(place, {"App.js": f"{number}", "assets/big.bin": os.urandom(BIG)})
    until(
        lambda: daemon.process.poll() is not None or newest(daemon, sid) != before,
        "it is safe, or nobody is there",
    )


def test_below_the_reserve_captures_go_on_and_restores_wait(site):
    settings = SETTINGS.replace("min-free: 0B", "min-free: 1000TB")
    with daemon_on(site, "low", settings=settings) as daemon:
        daemon.start()
        sid, place = site.session()
        appear(place, {"App.js": "1"})
        daemon.await_versions(sid, 1)
        write(place, {"App.js": "2"})
        daemon.await_versions(sid, 2)

        assert daemon.ask("status")["spool"]["state"] == "low"
        refused = daemon.cli("restore", sid, "--to", site.top / "back-low")
        assert (refused.returncode, "spool.min-free" in refused.stderr) == (18, True)
        assert daemon.cli("restore", sid, "--if-missing").returncode == 0
        assert list((daemon.state / "cache").glob("*")) == []
        assert daemon.log.count("little room left") == 1
        assert daemon.stop() == 0
