"""Postgres is lost: the daemon's bucket alone brings it back, killed at any step."""

import signal
import subprocess

import psycopg
import pytest

from daemons import SCRIPTS, WAIT_S, appear, digests, until, write
from rebuilding import told, trees_by_sid

FACTS_SOON = """\
debounce: {quiet: 200ms, max-wait: 1s, deletion-grace: 1s}
storage: {retries: 2, retry-max-delay: 500ms}
shutdown: {flush-timeout: 10s}
database: {facts-within: 1s}
"""

STEPS = [
    pytest.param("after-rebuild-begin:1", marks=pytest.mark.long),
    pytest.param("after-rebuild-head:2", marks=pytest.mark.long),
    pytest.param("after-rebuild-head:5", marks=pytest.mark.long),
    pytest.param("after-rebuild-expect:1"),
    pytest.param("after-rebuild-expect:3", marks=pytest.mark.long),
    pytest.param("after-rebuild-session:1", marks=pytest.mark.long),
    pytest.param("after-rebuild-session:2", marks=pytest.mark.long),
]
"""Killed for real; that every single step may be the last, test_interrupted_rebuilds of
the integration tests shows in less time."""


def drop(site) -> None:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA expokeep CASCADE")


def rebuild(daemon, crash: str = "") -> int:
    """Run the command, and return how it ended."""
    ended = subprocess.run(
        [SCRIPTS / "expokeep", "-c", daemon.config, "rebuild", "--from-bucket"],
        env={**daemon._own(), "EXPOKEEP_CRASH": crash},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert crash or ended.returncode == 0, ended.stderr
    return ended.returncode


def unwritten(site) -> int:
    with psycopg.connect(site.database_url) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM expokeep.fact")
    return count


@pytest.fixture(scope="module")
def filled(site, only_daemon):
    """Sessions that a daemon kept, and all that its catalog says of them."""
    daemon = only_daemon
    daemon.configure(FACTS_SOON)
    daemon.start()
    places = {}
    for name in ("shop", "blog", "gone"):
        sid, place = site.session(name)
        places[sid] = place
        appear(place, {"package.json": "{}", "App.js": name, "src/a.js": "a"})
        daemon.await_versions(sid, 1)
        write(place, {"App.js": f"{name} 2", "src/b.js": "b"})
        daemon.ask("save", sid, "-m", "two", "--user", "alice")
    until(lambda: unwritten(site) == 0, "all facts are in the bucket")
    assert daemon.stop() == 0
    return places, told(site.database_url), trees_by_sid(site.database_url)


@pytest.mark.parametrize("step", STEPS)
def test_a_rebuild_killed_anywhere_is_gone_on_with(filled, site, only_daemon, step):
    _, before, trees = filled
    drop(site)

    assert rebuild(only_daemon, step) == -signal.SIGKILL
    rebuild(only_daemon)

    assert told(site.database_url) == before
    assert trees_by_sid(site.database_url) == trees


def test_a_daemon_that_lives_on_waits_for_the_rebuild_and_goes_on(
    filled, site, only_daemon
):
    places, before, _ = filled
    sid, place = next(iter(places.items()))
    daemon = only_daemon
    drop(site)
    assert rebuild(daemon, "after-rebuild-head:2") == -signal.SIGKILL
    daemon.start()
    write(place, {"App.js": "while it was away"})
    fresh, new = site.session("fresh")
    appear(new, {"package.json": "{}", "App.js": "new"})
    daemon.await_spooled(sid, 1)
    daemon.await_spooled(fresh, 1)
    assert daemon.cli("restore", sid, "--to", site.top / "early").returncode == 11
    assert not told(site.database_url)["versions"]

    rebuild(daemon)
    daemon.ask("flush", "--all", "--wait")

    rows = [row for row in told(site.database_url)["versions"] if row["sid"] == sid]
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert rows[:2] == [row for row in before["versions"] if row["sid"] == sid]
    daemon.ask("restore", sid, "--to", site.top / "late")
    assert digests(site.top / "late") == digests(place)
    daemon.ask("restore", fresh, "--to", site.top / "fresh")
    assert digests(site.top / "fresh") == digests(new)
    assert daemon.stop() == 0


def test_the_bucket_alone_gives_versions_back_while_postgres_is_lost(
    filled, site, only_daemon
):
    places, _, _ = filled
    sid, place = list(places.items())[1]
    drop(site)

    would = only_daemon.ask("rebuild", "--from-bucket", "--dry-run")
    alone = ("--direct", "--from-bucket")
    back = site.top / "alone"
    versions = only_daemon.ask("log", sid, *alone)["versions"]
    ended = only_daemon.cli("restore", sid, "--to", back, *alone)
    without = only_daemon.cli("restore", sid, "--to", back, "--from-bucket")

    assert would["versions"] >= 6
    assert not would["unsure"]
    assert [one["seq"] for one in versions] == [2, 1]
    assert ended.returncode == 0, ended.stderr
    assert digests(back) == digests(place)
    assert without.returncode == 2
