"""The network goes, edits go on, the network comes back: every version, in order."""

import contextlib
import dataclasses
import os
import signal
from collections.abc import Iterator

from daemons import Daemon, Site, appear, daemon_on, digests, until, write
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.embedded.postgres import running_postgres
from relays import seeded

MIB = 1 << 20
STUBBORN = """\
debounce: {quiet: 200ms, max-wait: 1s}
storage: {retries: 8, retry-max-delay: 100ms}
"""


def edit(daemon: Daemon, place, sid: str, numbers) -> None:
    """Make distinct changes, each of which is captured before the next is made."""
    for number in numbers:
        sealed = daemon.spooled(sid) + 1
        write(place, {"App.js": f"{number}", f"{number}.js": f"{number}"})
        daemon.await_spooled(sid, sealed)


def assert_history(daemon: Daemon, site: Site, sid: str, last: int) -> None:
    """Check that versions 1 to `last` are those that were made, in that order."""
    rows = site.versions(sid)
    assert [row["seq"] for row in rows] == list(range(1, last + 1))
    assert [row["parent_seq"] for row in rows] == [None, *range(1, last)]
    assert [row["parked"] for row in rows] == [None] * last
    for number in range(1, last + 1):
        assert daemon.cli("cat", f"{sid}@{number}", "App.js").stdout == f"{number}"
    moments = [row["taken_at"] for row in rows]
    assert moments == sorted(moments)


def test_versions_made_while_the_bucket_is_away_arrive_in_order(daemon, site):
    sid, place = site.session()
    daemon.start()
    appear(place, {"App.js": "1"})
    daemon.await_versions(sid, 1)

    site.relay.go_down()
    edit(daemon, place, sid, [2, 3])
    until(lambda: daemon.ask("status")["store_error"], "status says what is wrong")
    status = daemon.ask("status", sid)
    assert (status["state"], status["spool"]["entries"]) == ("degraded", 2)
    assert status["oldest_unsaved_at"] is not None
    saved = daemon.cli("save", sid)
    assert saved.returncode == 17
    assert len(site.versions(sid)) == 1
    site.relay.come_back()

    # By itself: nobody has to say that the bucket is back.
    daemon.await_versions(sid, 3)
    assert_history(daemon, site, sid, 3)
    until(lambda: daemon.ask("status")["state"] == "ok", "all is well again")


def test_a_daemon_killed_while_the_bucket_is_away_goes_on_where_it_was(daemon, site):
    sid, place = site.session()
    daemon.start(crash="after-index:3")
    appear(place, {"App.js": "1"})
    daemon.await_versions(sid, 1)
    site.relay.go_down()
    edit(daemon, place, sid, [2])
    write(place, {"App.js": "3"})
    assert daemon.wait() == -signal.SIGKILL

    daemon.start()
    daemon.await_spooled(sid, 2)
    edit(daemon, place, sid, [4])
    daemon.kill()
    site.relay.come_back()
    daemon.start()
    daemon.await_versions(sid, 4)

    assert_history(daemon, site, sid, 4)


def test_requests_that_fail_by_the_third_change_nothing_but_the_time(prepare_site):
    files = {f"src/{number}.js": os.urandom(9_000) for number in range(40)}
    with prepare_site() as site, daemon_on(site, settings=STUBBORN) as daemon:
        sid, place = site.session()
        daemon.start()
        site.relay.script = seeded(4711, 0.3)
        with site.relay.recorded() as seen:
            appear(place, {"App.js": "1", "video.mp4": os.urandom(66 * MIB), **files})
            daemon.await_versions(sid, 1)
            for number in range(2, 9):
                write(place, {"App.js": f"{number}", "src/1.js": os.urandom(90_000)})
                daemon.await_versions(sid, number)
            back = site.top / "back-through-faults"
            daemon.ask("restore", sid, "--to", back)
            assert_history(daemon, site, sid, 8)
        assert digests(back) == digests(place)
        site.relay.script = lambda _request: None
        assert daemon.stop() == 0

    spoilt = [request for request in seen if request.fault]
    assert len({request.fault for request in spoilt}) >= 5
    assert len(seen) < 3 * len([one for one in seen if not one.fault])


@contextlib.contextmanager
def postgres_of(site: Site) -> Iterator[str]:
    """Run a Postgres that a test may end; what it holds is there the next time."""
    home = site.top / "own"
    home.mkdir(mode=0o755, exist_ok=True)
    with running_postgres(home, durable=False) as postgres:
        with contextlib.closing(PostgresCatalog(Database(postgres.dsn))) as catalog:
            catalog.migrate()
        yield postgres.dsn


def test_versions_made_while_postgres_is_away_arrive_in_order(prepare_site):
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(prepare_site())
        with postgres_of(site) as dsn:
            own = dataclasses.replace(site, database_url=dsn)
            daemon = stack.enter_context(daemon_on(own))
            sid, place = own.session()
            daemon.start(crash="after-index:4")
            appear(place, {"App.js": "1"})
            daemon.await_versions(sid, 1)

        edit(daemon, place, sid, [2, 3])
        write(place, {"App.js": "4"})
        assert daemon.wait() == -signal.SIGKILL
        daemon.start()  # without Postgres: that is a state, and no failed start
        daemon.await_spooled(sid, 3)
        edit(daemon, place, sid, [5])
        assert daemon.ask("status")["state"] == "degraded"
        refused = daemon.cli("log", sid)
        assert (refused.returncode, refused.stdout) == (17, "")

        with postgres_of(site):
            daemon.await_versions(sid, 5)
            assert_history(daemon, own, sid, 5)
            assert daemon.stop() == 0

        assert daemon.spooled(sid) == 0
        events = daemon.log.splitlines()
        assert all(line.startswith("20") for line in events)  # no library says its own
        assert len(events) < 50
