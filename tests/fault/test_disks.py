"""Disks that are full, read-only or failing: nothing safe is lost, and all is told."""

import contextlib
import os
import shutil
import time

import pytest

from daemons import Daemon, appear, daemon_on, digests, until, write
from disks import MIB, failing_calls, filled, read_only, small_disk, without_inodes

SETTINGS = """\
debounce: {{quiet: 200ms, max-wait: 1s, deletion-grace: 1s}}
storage: {{retries: 2, retry-max-delay: 500ms}}
shutdown: {{flush-timeout: 10s}}
spool: {{path: {spool}, min-free: 0B}}
"""

pytestmark = pytest.mark.usefixtures("as_root", "fresh")


@pytest.fixture
def fresh(site):
    """Leave nothing behind for the next test: no session, and no outage."""
    yield
    site.relay.come_back()
    for one in site.watch.iterdir():
        shutil.rmtree(one)


@contextlib.contextmanager
def spooling_to(site, spool, **options):
    """Give a daemon whose spool is in a directory of the test's choice."""
    settings = SETTINGS.format(spool=spool)
    with daemon_on(
        site, f"{spool.name}-daemon", settings=settings, **options
    ) as daemon:
        yield daemon


def kept(daemon: Daemon, site, spool=None):
    """Return a session with one version, and nothing in the spool."""
    sid, place = site.session()
    appear(place, {"App.js": "1"})
    daemon.await_versions(sid, 1)
    await_waiting(spool or daemon.state / "spool", sid, 0)
    return sid, place


def await_waiting(spool, sid: str, count: int) -> None:
    """Wait until a session has so many entries in a spool, drafts included."""
    until(lambda: len(list(spool.glob(f"{sid}/*"))) == count, f"{count} wait")


def spool_of(daemon: Daemon):
    return daemon.ask("status")["spool"]


def session_of(daemon: Daemon, sid: str):
    (session,) = daemon.ask("status", sid)["sessions"]
    return session


def assert_restores(daemon: Daemon, sid: str, place) -> None:
    back = daemon.site.top / f"back-{sid}"
    daemon.ask("restore", sid, "--to", back)
    assert digests(back) == digests(place)


@pytest.mark.parametrize("taken", [filled, without_inodes])
def test_a_full_spool_refuses_loudly_and_goes_on_at_once(site, taken):
    with (
        small_disk(
            site.top / f"spool-{taken.__name__}", size=4 * MIB, inodes=200
        ) as disk,
        spooling_to(site, disk) as daemon,
    ):
        daemon.start()
        sid, place = kept(daemon, site, disk)
        with taken(disk):
            write(place, {"App.js": os.urandom(MIB)})
            until(lambda: spool_of(daemon)["state"] == "full", "status says so")
            session = session_of(daemon, sid)
            status = daemon.ask("status")
            assert (status["state"], status["spool"]["refused"]) == ("degraded", 1)
            assert session["refused_since"] >= session["unsaved_since"]
            assert "full" in session["last_error"]
            saved = daemon.cli("save", sid)
            assert (saved.returncode, "spool" in saved.stderr) == (18, True)
            told = daemon.cli("status").stdout
            assert "not captured" in told
            # By now the next try by patience alone is seconds away.
            until(lambda: daemon.log.count("the spool is full") == 1, "it is logged")

        began = time.monotonic()
        daemon.await_versions(sid, 2)
        assert time.monotonic() - began < 4
        until(lambda: spool_of(daemon)["state"] == "ok", "all is well again")
        assert_restores(daemon, sid, place)
        assert daemon.log.count("the spool is full") == 1
        assert daemon.log.count("room for the spool again") == 1
        assert daemon.stop() == 0


def test_a_spool_that_became_read_only_loses_nothing_and_repeats_nothing(site):
    spool = site.top / "spool-ro"
    spool.mkdir()
    with spooling_to(site, spool) as daemon:
        daemon.start()
        sid, place = kept(daemon, site, spool)
        late, other = kept(daemon, site, spool)
        site.relay.go_down()
        write(place, {"App.js": "2"})
        await_waiting(spool, sid, 1)
        with read_only(spool):
            site.relay.come_back()
            write(other, {"App.js": "changed"})
            until(lambda: spool_of(daemon)["state"] == "failing", "status says so")
            daemon.await_versions(sid, 2)  # recorded, though nobody can strike it off
            assert "Read-only" in session_of(daemon, late)["last_error"]
            assert session_of(daemon, late)["refused_since"]
            assert daemon.ask("status")["state"] == "degraded"
            await_waiting(spool, sid, 1)

        daemon.await_versions(late, 2)
        daemon.ask("flush", "--all", "--wait")
        until(lambda: daemon.ask("status")["state"] == "ok", "all is well again")
        await_waiting(spool, sid, 0)
        assert len(site.versions(sid)) == 2
        assert daemon.log.count("the spool cannot be written") == 1
        assert_restores(daemon, sid, place)
        assert_restores(daemon, late, other)
        assert daemon.stop() == 0


def test_a_state_directory_that_became_read_only_stops_no_restore(site):
    with daemon_on(site, "state-ro") as daemon:
        daemon.start()
        sid, place = kept(daemon, site)
        with read_only(daemon.state):
            write(place, {"App.js": "2"})
            until(lambda: spool_of(daemon)["state"] == "failing", "status says so")
            back = site.top / "back-while-ro"
            daemon.ask("restore", f"{sid}@1", "--to", back)
            assert (back / "App.js").read_text() == "1"

        daemon.await_versions(sid, 2)
        assert_restores(daemon, sid, place)
        assert daemon.stop() == 0


@pytest.mark.parametrize(
    "calls",
    [
        ("fsync", "fdatasync"),
        pytest.param(("?rename", "?renameat", "?renameat2"), marks=pytest.mark.long),
    ],
)
def test_no_snapshot_is_safe_that_the_disk_did_not_take(site, calls):
    with daemon_on(site, f"failing-{len(calls)}") as daemon:
        daemon.start()
        sid, place = kept(daemon, site)
        with failing_calls(daemon.pid, calls):
            write(place, {"App.js": "2"})
            until(lambda: spool_of(daemon)["state"] == "failing", "status says so")
            assert session_of(daemon, sid)["unsaved_since"]
            assert list((daemon.state / "spool").glob(f"{sid}/*")) == []
        daemon.await_versions(sid, 2)
        assert_restores(daemon, sid, place)
        until(lambda: daemon.ask("status")["state"] == "ok", "all is well again")
        assert daemon.stop() == 0


def test_a_daemon_with_few_descriptors_keeps_every_session(site):
    before = ("prlimit", "--nofile=64:64")
    with daemon_on(site, "few", before=before) as daemon:
        daemon.start()
        places = dict(site.session() for _ in range(8))
        for number, place in enumerate(places.values()):
            deep = "/".join(f"d{level}" for level in range(30))
            files = {f"{deep}/{n}.js": f"{number} {n}" for n in range(5)}
            appear(place, {"App.js": f"{number}", **files})
        for sid, place in places.items():
            until(lambda sid=sid: all_kept(daemon, sid), f"{sid} is kept", 60)
            assert_restores(daemon, sid, place)
        assert "Too many open files" in daemon.log
        assert "session ended" not in daemon.log  # none did
        assert daemon.stop() == 0


def all_kept(daemon: Daemon, sid: str) -> bool:
    session = session_of(daemon, sid)
    assert session["skipped"] == []
    return session["last_seq"] is not None and session["unsaved_since"] is None


def test_a_full_state_directory_stops_neither_captures_nor_a_start(site):
    state = site.top / "small-state"
    with (
        small_disk(state, size=2 * MIB),
        spooling_to(site, site.top / "roomy") as daemon,
    ):
        daemon.state = state
        daemon.start()
        sid, place = kept(daemon, site, site.top / "roomy")
        with filled(state):
            write(place, {f"{number}.js": f"{number}" for number in range(2000)})
            daemon.await_versions(sid, 2)
            assert daemon.stop() == 0
            daemon.start()
            write(place, {"App.js": "3"})
            daemon.await_versions(sid, 3)
            assert_restores(daemon, sid, place)
        assert daemon.stop() == 0


@pytest.mark.parametrize(
    "taken", [filled, pytest.param(without_inodes, marks=pytest.mark.long)]
)
def test_a_daemon_that_starts_on_a_full_disk_ships_what_waits(site, taken):
    name = f"full-{taken.__name__}"
    with (
        small_disk(site.top / name, size=8 * MIB, inodes=100),
        daemon_on(site, name) as daemon,
    ):
        daemon.start()
        sid, place = kept(daemon, site)
        site.relay.go_down()
        write(place, {"App.js": "2"})
        daemon.await_spooled(sid, 1)
        daemon.kill()
        with taken(daemon.state):
            daemon.start()
            site.relay.come_back()
            daemon.await_versions(sid, 2)
            assert daemon.spooled(sid) == 0
        assert_restores(daemon, sid, place)
        assert daemon.stop() == 0


@pytest.mark.parametrize(
    "taken", [filled, pytest.param(without_inodes, marks=pytest.mark.long)]
)
def test_a_restore_that_has_no_room_says_so_and_leaves_nothing(site, daemon, taken):
    daemon.start()
    sid, _ = kept(daemon, site)
    with small_disk(
        site.top / f"target-{taken.__name__}", size=80 * MIB, inodes=50
    ) as disk:
        with taken(disk):
            before = sorted(disk.iterdir())
            refused = daemon.cli("restore", sid, "--to", disk / "back")
            assert (refused.returncode, refused.stdout) == (18, "")
            assert "no room" in refused.stderr
            assert sorted(disk.iterdir()) == before
        daemon.ask("restore", sid, "--to", disk / "back")
