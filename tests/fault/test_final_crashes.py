"""kill -9 while contents are taken, and while a last version is kept of them."""

import shutil
import signal

import pytest

from daemons import Daemon, Site, appear, daemon_on, digests, until, write
from expokeep.crash import CAPTURING, SNAPSHOT

SETTINGS = """\
debounce: {quiet: 4s, max-wait: 8s, deletion-grace: 2s}
storage: {retries: 2, retry-max-delay: 500ms}
"""
PROJECT = {"App.js": "1", "package.json": "{}", "src/kept.js": "kept"}


@pytest.fixture(scope="module")
def only_daemon(site: Site):
    with daemon_on(site, settings=SETTINGS) as daemon:
        yield daemon


def taken(daemon: Daemon) -> int:
    return daemon.ask("status")["spool"]["early"]["captured"]


def is_killed(daemon: Daemon) -> bool:
    return daemon.wait() == -signal.SIGKILL


def kept(daemon: Daemon, site: Site, name: str, crash: str):
    """Have a project kept by a daemon that is going to be killed."""
    sid, place = site.session(name)
    daemon.start(crash=crash)
    appear(place, PROJECT)
    daemon.ask("flush", sid, "--wait")
    daemon.await_versions(sid, 1)
    return sid, place


def assert_last(daemon: Daemon, site: Site, sid: str, expected: dict[str, str]) -> None:
    daemon.await_versions(sid, 2)
    daemon.ask("flush", "--all", "--wait")
    back = site.top / f"back-{sid}"
    daemon.ask("restore", sid, "--to", back)

    rows = site.versions(sid)
    assert [(row["trigger"], row["parked"]) for row in rows][1:] == [("final", None)]
    assert digests(back) == expected
    assert daemon.spooled(sid) == 0
    assert not list((daemon.state / "spool" / ".early").rglob("0*"))
    assert daemon.ask("status")["state"] == "ok"


@pytest.mark.parametrize("count", [2])
def test_what_was_taken_outlives_a_kill_and_the_directory(daemon, site, count):
    # The first three are those of the project that appears.
    sid, place = kept(daemon, site, "taken", f"after-capture:{len(PROJECT) + count}")
    for number in range(count):
        write(place, {f"src/{number}.js": f"number {number}"})
    assert is_killed(daemon)
    expected = digests(place)
    shutil.rmtree(place)

    daemon.start()

    assert_last(daemon, site, sid, expected)


@pytest.mark.parametrize(
    "point",
    [
        *CAPTURING[1:],
        "after-seal:2",
        *(pytest.param(f"{one}:2", marks=pytest.mark.long) for one in SNAPSHOT[1:]),
    ],
)
def test_a_kill_at_any_step_of_a_last_version_loses_nothing(daemon, site, point):
    sid, place = kept(daemon, site, point.partition(":")[0], point)
    before = taken(daemon)
    write(place, {"App.js": "the last edit", "src/new.js": "new"})
    until(lambda: taken(daemon) >= before + 2, "both are taken")
    expected = digests(place)
    shutil.rmtree(place)
    assert is_killed(daemon)

    daemon.start()

    assert_last(daemon, site, sid, expected)


def test_a_directory_that_still_stands_after_a_kill_has_no_last_version(daemon, site):
    sid, place = kept(daemon, site, "stands", f"after-capture:{len(PROJECT) + 1}")
    write(place, {"src/new.js": "new"})
    assert is_killed(daemon)

    daemon.start()
    daemon.await_versions(sid, 2)
    write(place, {"src/new.js": "newer"})
    rows = daemon.await_versions(sid, 3)

    assert {row["trigger"] for row in rows} == {"auto"}
    assert daemon.ask("status")["spool"]["early"]["size_bytes"] == 0
