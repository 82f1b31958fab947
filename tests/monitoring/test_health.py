"""Whether a daemon is well, as machines ask it: healthy, ready, and a heartbeat."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemons import QUICK, daemon_on, until, write
from looking import Window, daemon_to_look_at, free_port

SECRET = "canary-0a1b2c"


class Check:
    """A check elsewhere: takes heartbeats, or does not."""

    def __init__(self) -> None:
        self.status, self.location = 200, ""
        self.taken: list[str] = []
        check = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                check.taken.append(self.path)
                self.send_response(check.status)
                if check.location:
                    self.send_header("Location", check.location)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ping/{SECRET}?a=b"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site(prepare_site):
    with prepare_site() as site:
        yield site


def pages(window):
    """Return the status and the text of both."""
    return {path: window.ask(path)[::2] for path in ("/healthz", "/readyz")}


def test_an_outage_of_the_bucket_is_told_and_makes_nothing_unready(site):
    settings = f"{QUICK}\nobjective: 1s\n"
    with daemon_to_look_at(site, settings=settings) as (daemon, window):
        daemon.start()
        sid, top = site.session()
        write(top, {"a": "1"})
        daemon.await_versions(sid, 1)
        before = window.scrape()
        site.relay.go_down()
        write(top, {"a": "22"})

        def is_beyond():
            scrape = window.scrape()
            is_told = scrape("sessions_beyond_objective") and not scrape("store_up")
            return scrape if is_told and scrape("spool_entries") else None

        down = until(is_beyond, "the outage is told")
        told = pages(window)
        site.relay.come_back()
        daemon.await_versions(sid, 2)
        after = until(
            lambda: s if not (s := window.scrape())("spool_entries") else None,
            "nothing waits any more",
        )

    assert down("sessions_beyond_objective") == 1
    assert down("oldest_unsaved_change_age_seconds") > 1
    assert down("spool_oldest_age_seconds") > 1
    assert down("spool_bytes") > 0
    assert down("sessions", state="waiting") == 1
    assert down.sum("store_requests_total", outcome="unanswered") > 0
    assert down("store_retries_total", verb="put") > 0
    assert down("catalog_up") == down("lease_held") == down("ready") == 1
    assert down("store_last_success_timestamp_seconds") == before(
        "store_last_success_timestamp_seconds"
    )
    assert told["/healthz"][0] == told["/readyz"][0] == 200
    assert "bucket: the last request was unanswered" in told["/readyz"][1]
    assert sid not in told["/readyz"][1]
    assert (after("store_up"), after("sessions_beyond_objective")) == (1, 0)
    assert after("oldest_unsaved_change_age_seconds") == 0
    assert after("store_last_success_timestamp_seconds") > before(
        "store_last_success_timestamp_seconds"
    )


def test_a_catalog_that_is_away_takes_nothing_from_a_scrape(site):
    port = free_port()
    environment = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "EXPOKEEP_ADDR": f"127.0.0.1:{port}",
    }
    window = Window(port)
    with daemon_on(site, settings=QUICK, environment=environment) as daemon:
        daemon.start()
        _, top = site.session()
        write(top, {"a": "1"})

        def is_told():
            scrape = window.scrape()
            fails = scrape("catalog_figures_failures_total")
            return scrape if fails and scrape("spool_entries") else None

        scrape = until(is_told, "it is told that the catalog is away")
        told = pages(window)

    assert (scrape("catalog_configured"), scrape("catalog_up")) == (1, 0)
    assert scrape("lease_held") == 0
    assert scrape("catalog_figures_timestamp_seconds") == 0
    assert scrape("scrape_errors_total") == 0
    assert scrape("scrape_duration_seconds") < 1
    assert scrape("ready") == 1
    assert told["/readyz"][0] == 200
    assert "catalog: away (BackendUnreachable)" in told["/readyz"][1]
    assert "127.0.0.1:1" not in told["/readyz"][1]


def test_a_part_that_hangs_makes_it_ill_and_says_which(site):
    with daemon_to_look_at(site, settings=f"{QUICK}\nhung-after: 1s\n") as (
        daemon,
        window,
    ):
        daemon.environment["EXPOKEEP_HANG"] = "after-scan"
        daemon.start()
        well = pages(window)
        _, top = site.session()
        write(top, {"a": "1"})

        until(lambda: window.ask("/healthz")[0] == 503, "it is ill")
        ill, scrape = pages(window), window.scrape()
        told = json.loads(window.ask("/healthz", Accept="application/json")[2])
        daemon.kill()

    assert well["/healthz"] == (
        *(200, "ok\nmain: ok\nwatch: ok\ncaptures: ok\nuploads: ok\ncontrol: ok\n"),
    )
    assert well["/readyz"][0] == 200
    assert ill["/healthz"][1].startswith("a part hangs\n")
    assert "captures: no progress for " in ill["/healthz"][1]
    assert ill["/readyz"][0] == 503
    assert (scrape("healthy"), scrape("ready")) == (0, 0)
    assert scrape("worker_stuck_seconds", worker="saver") >= 1
    assert (told["is_well"], told["state"]) == (False, "a part hangs")


def test_two_daemons_with_one_address_both_keep_what_happens(site, prepare_site):
    with contextlib.ExitStack() as stack:
        one, window = stack.enter_context(daemon_to_look_at(site, settings=QUICK))
        second = stack.enter_context(prepare_site())
        other = stack.enter_context(
            daemon_on(second, environment={"EXPOKEEP_ADDR": f"127.0.0.1:{window.port}"})
        )
        one.start()
        other.start()
        sid, top = second.session()
        write(top, {"a": "1"})
        other.await_versions(sid, 1)
        refused = other.ask("status")
        in_words = other.cli("status").stdout
        assert one.stop() == 0

        until(lambda: other.ask("status")["state"] == "ok", "it is looked at after all")
        told = window.scrape()
        assert other.stop() == 0
        log = other.log

    assert refused["state"] == "degraded"
    assert "in use" in refused["monitoring"]["error"]
    assert "no metrics" in in_words
    assert log.count("nobody can look at this daemon") == 1
    assert told.sum("versions_total") == 1


def test_off_is_off(site):
    with daemon_on(site) as daemon:
        daemon.start()
        monitoring = daemon.ask("status")["monitoring"]
        assert daemon.stop() == 0

    assert (monitoring["addr"], monitoring["error"]) == ("", None)
    assert "metrics served" not in daemon.log


def test_a_heartbeat_comes_as_long_as_all_is_well_and_not_otherwise(site):
    with (
        Check() as check,
        daemon_to_look_at(
            site,
            settings=f"{QUICK}\nobjective: 1s\n"
            f"heartbeat-url: {check.url}\nheartbeat-interval: 1s\n",
        ) as (daemon, window),
    ):
        daemon.start()
        until(lambda: len(check.taken) > 1, "two heartbeats")
        sid, top = site.session()
        site.relay.go_down()
        write(top, {"a": "1"})
        withheld = until(
            lambda: (
                s
                if (s := window.scrape())("heartbeats_total", outcome="withheld") > 1
                else None
            ),
            "heartbeats are withheld",
        )
        there = len(check.taken)
        still = until(
            lambda: (
                s
                if (s := window.scrape())("heartbeats_total", outcome="withheld")
                > withheld("heartbeats_total", outcome="withheld")
                else None
            ),
            "another one is withheld",
        )
        assert len(check.taken) == there == still("heartbeats_total", outcome="sent")
        site.relay.come_back()
        daemon.await_versions(sid, 1)
        until(lambda: len(check.taken) > there, "heartbeats go on")
        assert daemon.stop() == 0

    assert set(check.taken) == {f"/ping/{SECRET}?a=b"}
    assert still("heartbeat_configured") == 1
    assert still("heartbeat_last_success_timestamp_seconds") > 0
    assert daemon.log.count("heartbeat withheld") == 1
    assert daemon.log.count("heartbeat goes on") == 1
    assert SECRET not in daemon.log


def test_what_nobody_takes_is_said_once_and_leads_nowhere_else(site):
    with Check() as elsewhere, Check() as check:
        check.status, check.location = 302, elsewhere.url
        settings = f"{QUICK}\nheartbeat-url: {check.url}\nheartbeat-interval: 1s\n"
        with daemon_to_look_at(site, settings=settings) as (daemon, window):
            daemon.start()
            scrape = until(
                lambda: (
                    s
                    if (s := window.scrape())("heartbeats_total", outcome="failed") > 1
                    else None
                ),
                "two were not taken",
            )
            shown = daemon.cli("config", "show", "-c", str(daemon.config))
            assert daemon.stop() == 0

    assert elsewhere.taken == []
    assert scrape("heartbeats_total", outcome="sent") == 0
    assert scrape("heartbeat_last_success_timestamp_seconds") == 0
    assert daemon.log.count("heartbeat not taken") == 1
    assert "it answered 302" in daemon.log
    assert SECRET not in daemon.log + shown.stdout + shown.stderr
