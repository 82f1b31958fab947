"""How a daemon starts, tells that it is well, and ends; and when it does not start."""

import shutil
import signal
import time

import pytest

from daemons import Daemon, Site, appear, until, write
from databases import fresh_database

PATIENT = """\
debounce: {quiet: 5m, max-wait: 1h}
shutdown: {flush-timeout: 10s}
"""
"""A daemon that keeps nothing by itself for as long as a test takes."""
HURRIED = """\
debounce: {quiet: 200ms, max-wait: 1s}
storage: {retries: 0}
shutdown: {flush-timeout: 1s}
"""


@pytest.fixture
def fresh(site: Site):
    """Make daemons with a state directory of their own, one after the other."""
    made: list[Daemon] = []

    def make(**options) -> Daemon:
        for one in site.watch.iterdir():
            shutil.rmtree(one)
        name = f"d{time.monotonic_ns()}"
        made.append(Daemon(site, name, **options))
        made[-1].manager.start()
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_systemd_hears_that_it_is_ready_alive_and_stopping(fresh, site):
    daemon = fresh(environment={"WATCHDOG_USEC": "400000"})
    daemon.start()
    sid, place = site.session()
    appear(place, {"App.js": "1"})
    daemon.await_versions(sid, 1)

    assert daemon.manager.wait_for("WATCHDOG=1", times=3)
    assert daemon.manager.wait_for("STATUS=1 sessions, 0 in the spool")
    assert daemon.stop() == 0

    heard = daemon.manager.heard
    assert heard[0].splitlines()[0] == "READY=1"
    assert heard[-1] == "STOPPING=1"
    assert {told.split("\n")[0] for told in heard[1:-1]} == {"WATCHDOG=1"}


def test_who_was_frozen_for_a_while_goes_on(fresh, site):
    daemon = fresh(environment={"WATCHDOG_USEC": "400000"})
    daemon.start()
    frozen_s = time.monotonic()
    daemon.process.send_signal(signal.SIGSTOP)
    until(lambda: time.monotonic() > frozen_s + 0.5, "it misses a ping")
    daemon.process.send_signal(signal.SIGCONT)

    sid, place = site.session()
    appear(place, {"App.js": "1"})

    daemon.await_versions(sid, 1)
    assert daemon.manager.wait_for("WATCHDOG=1", times=3)


@pytest.mark.long
def test_a_daemon_whose_watch_proves_nothing_is_not_called_alive(fresh):
    daemon = fresh(environment={"WATCHDOG_USEC": "400000"})
    daemon.start()
    assert daemon.manager.wait_for("WATCHDOG=1")

    shutil.rmtree(daemon.state / "watch")  # no cookie can come back any more

    until(lambda: daemon.manager.heard[-1] == "STATUS=a part hangs", "no ping", 60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_all_is_recorded(fresh, site, number):
    daemon = fresh(settings=PATIENT)
    sid, place = site.session()
    appear(place, {"App.js": "1"})
    daemon.start()
    assert site.versions(sid) == []

    daemon.process.send_signal(number)

    assert daemon.wait() == 0
    assert len(site.versions(sid)) == 1
    assert daemon.spooled(sid) == 0


def test_what_was_written_a_moment_before_the_end_is_recorded(fresh, site):
    daemon = fresh(settings=PATIENT)
    sid, place = site.session()
    daemon.start()

    # All at once for the daemon: a lot to read, with a session at its end, and the end.
    daemon.process.send_signal(signal.SIGSTOP)
    for _ in range(5_000):
        (site.watch / "passing").touch()
        (site.watch / "passing").unlink()
    write(place, {"App.js": "1"})
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGCONT)

    assert daemon.wait() == 0
    assert len(site.versions(sid)) == 1


def test_what_cannot_be_recorded_in_time_waits_for_the_next_start(fresh, site):
    daemon = fresh(settings=HURRIED)
    sid, place = site.session()
    daemon.start()
    site.relay.go_down()
    appear(place, {"App.js": "1"})

    began_s = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began_s < 10
    assert (len(site.versions(sid)), daemon.spooled(sid)) == (0, 1)

    site.relay.come_back()
    daemon.start()
    daemon.await_versions(sid, 1)


def test_a_second_daemon_on_a_state_directory_is_refused(fresh, site):
    daemon = fresh()
    daemon.start()

    second = daemon.run("-c", str(daemon.config), "--watch-dir", str(site.watch))

    assert second.returncode == 11
    assert f"expokeepd {daemon.pid} runs on {daemon.state} already" in second.stderr
    assert "--state-dir" in second.stderr
    assert daemon.ask("info")["pid"] == daemon.pid


BAD = {
    "unknown key": ("debounce:\n  quiett: 2s\n", {}, [":2:", "quiett", "quiet"]),
    "wrong value": ("\nworkers: many\n", {}, [":2:", "workers", "many"]),
    "no YAML": ("workers: [1\n", {}, ["not YAML"]),
    "bad variable": ("", {"R2_ENDPOINT": "not a url"}, ["R2_ENDPOINT", "not a url"]),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_configuration_that_cannot_be_used_is_refused(fresh, kind):
    settings, environment, told = BAD[kind]
    daemon = fresh(settings=settings, environment=environment)

    refused = daemon.run("-c", str(daemon.config), "--check-config")

    assert refused.returncode == 78
    assert all(words in refused.stderr for words in told), refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_daemon_does_not_start_on_a_configuration_that_cannot_be_used(fresh, site):
    daemon = fresh(settings="debounce: {quiet: soon}\n")

    refused = daemon.run("-c", str(daemon.config), "--watch-dir", str(site.watch))

    assert (refused.returncode, "debounce.quiet" in refused.stderr) == (78, True)
    assert not daemon.state.exists()


def test_a_spool_out_of_reach_is_named_with_what_the_unit_has_to_see(fresh, site):
    (site.top / "file").write_text("")
    elsewhere = site.top / "file" / "spool"
    daemon = fresh(settings=f"spool: {{path: {elsewhere}}}\n")

    refused = daemon.run("-c", str(daemon.config), "--watch-dir", str(site.watch))

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert f"spool.path {elsewhere} cannot be used: Not a dir" in refused.stderr
    assert f"BindPaths={elsewhere}" in refused.stderr


def test_a_good_configuration_is_called_good_and_nothing_is_started(fresh):
    daemon = fresh()

    checked = daemon.run("-c", str(daemon.config), "--check-config")

    assert (checked.returncode, checked.stdout) == (0, "the configuration is good\n")
    assert not daemon.state.exists()


def test_a_database_without_our_schema_is_refused_until_it_is_migrated(
    fresh, site, postgres_server
):
    with fresh_database(postgres_server.dsn) as dsn:
        daemon = fresh(environment={"DATABASE_URL": dsn})
        refused = daemon.run("-c", str(daemon.config), "--watch-dir", str(site.watch))
        assert refused.returncode == 78
        assert "expokeep db migrate" in refused.stderr

        assert daemon.cli("db", "migrate").returncode == 0
        daemon.start()
        assert daemon.ask("db", "status")["pending"] == []
        assert daemon.stop() == 0


def test_once_keeps_everything_as_it_is_and_ends(fresh, site):
    daemon = fresh(settings=PATIENT)
    one, place = site.session("one")
    appear(place, {"App.js": "1"})
    other, other_place = site.session("other")
    appear(other_place, {"App.js": "2"})
    command = ("-c", str(daemon.config), "--watch-dir", str(site.watch), "--once")

    assert daemon.run(*command).returncode == 0
    assert (len(site.versions(one)), len(site.versions(other))) == (1, 1)
    assert daemon.run(*command).returncode == 0
    write(place, {"App.js": "3"})
    site.relay.go_down()
    daemon.configure(HURRIED)
    failed = daemon.run(*command)
    site.relay.come_back()
    assert failed.returncode == 17
    assert daemon.run(*command).returncode == 0

    assert (len(site.versions(one)), len(site.versions(other))) == (2, 1)


@pytest.mark.parametrize("missing", ["bucket", "catalog"])
def test_without_servers_it_spools_and_records_once_they_are_configured(
    fresh, site, missing
):
    nothing = {
        "bucket": {"R2_ENDPOINT": "", "R2_ACCESS_KEY_ID": ""},
        "catalog": {"DATABASE_URL": ""},
    }
    daemon = fresh(environment=nothing[missing])
    sid, place = site.session()
    daemon.start()
    for number in (1, 2, 3):
        appear(place, {"App.js": "1"}) if number == 1 else write(
            place, {"App.js": f"{number}"}
        )
        daemon.await_spooled(sid, number)

    status = daemon.ask("status", sid)
    told = until(lambda: daemon.ask("status")["store_error"], "status says why")
    assert status["spool"]["entries"] == 3
    assert ("storage.endpoint" if missing == "bucket" else "DATABASE_URL") in told
    assert site.versions(sid) == []
    assert daemon.stop() == 0

    daemon.environment |= site.environment()
    daemon.start()
    rows = daemon.await_versions(sid, 3)
    assert [row["parent_seq"] for row in rows] == [None, 1, 2]
    assert [daemon.cli("cat", f"{sid}@{n}", "App.js").stdout for n in (1, 2, 3)] == [
        *("1", "2", "3")
    ]
