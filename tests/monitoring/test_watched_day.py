"""A day of a real daemon, as a real Prometheus saw it: rules, panels and alerts.

The day is lived once: work, restores, a share, proofs; then an outage of the bucket.
"""

import contextlib
import math
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from alerting import RULES, filled_in, queries
from daemons import QUICK, Daemon, appear, until, write
from looking import daemon_to_look_at
from scraping import Prometheus, prometheus_on
from scripted_http import Request, serving

pytestmark = pytest.mark.timeout(300)

ANN, BOB, CID = "ann", "bob", "cid"
IN_THE_DAY = {"job": ".*", "instance": ".*", "__rate_interval": "10m"}
PATIENCE_S = 60.0


def taken(_request: Request, peer: socket.socket) -> None:
    """Take a heartbeat."""
    peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def settings(url: str) -> str:
    return f"""\
{QUICK}
heartbeat-url: {url}/beat
heartbeat-interval: 1s
spool: {{min-free: 1MB}}
"""


@dataclass(frozen=True, slots=True)
class Day:
    """What became of it."""

    daemon: Daemon
    prometheus: Prometheus
    alerts_in_peace: list[str]
    alerts_in_the_outage: list[str]
    alerts_afterwards: list[str]


def work(daemon: Daemon) -> str:
    """Let two users work, restore, lend and prove; return the session of one."""
    site = daemon.site
    sid, place = site.session("shop")
    _, other = site.session("other")
    for top in (place, other):
        appear(top, {"package.json": "{}", "App.js": "1", "src/a.js": "a" * 4096})
    daemon.await_versions(sid, 1)
    daemon.ask("save", sid, "-m", "begun", "--user", ANN)
    write(place, {"App.js": "2", "src/b.js": "b" * 4096})
    daemon.await_versions(sid, 2)
    daemon.ask("restore", sid, "--to", site.top / "back")
    shutil.rmtree(other)
    made = daemon.cli("--as", ANN, "share", "create", sid, "--to", BOB)
    daemon.ask("--as", BOB, "share", "import", made.stdout.strip())
    assert daemon.cli("--as", CID, "share", "import", made.stdout.strip()).returncode
    for word in ("check", "drill", "gc", "status"):
        daemon.ask(word)
    daemon.cli("doctor")  # whose probes are refused on purpose
    return sid


def look_again(daemon: Daemon, prometheus: Prometheus) -> None:
    """Have the figures of all hosts read anew, and Prometheus see them."""
    read_at = 'max(expokeep_catalog_figures_timestamp_seconds{job="expokeep"})'
    before = prometheus.value(read_at) or 0.0
    daemon.ask("reload")
    until(lambda: (prometheus.value(read_at) or 0.0) > before, "figures", PATIENCE_S)


def active(prometheus: Prometheus) -> list[str]:
    """Return the alerts that fire, or would if it went on."""
    return sorted(
        one["labels"]["alertname"] for one in prometheus.ask("alerts")["alerts"]
    )


def outage(daemon: Daemon, prometheus: Prometheus, sid: str) -> list[str]:
    """Let the bucket be away until Prometheus has noticed; return the alerts."""
    relay = daemon.site.relay
    relay.go_down()
    write(daemon.site.watch / f"expo-{sid}", {"App.js": "3"})
    daemon.await_spooled(sid, 1)
    until(lambda: "ExpokeepBucketDown" in active(prometheus), "an alert", PATIENCE_S)
    seen = active(prometheus)
    relay.come_back()
    daemon.cli("flush", "--all", "--wait")
    daemon.await_versions(sid, 3)
    return seen


@pytest.fixture(scope="module")
def day(prepare_site) -> Iterator[Day]:
    with (
        serving(taken) as check,
        prepare_site() as site,
        daemon_to_look_at(site, settings=settings(check.url)) as (daemon, window),
    ):
        daemon.start()
        target, top = f"127.0.0.1:{window.port}", site.top / "prometheus"
        with prometheus_on([target], RULES, top) as prometheus:
            until(lambda: prometheus.value("sum(up)") == 1, "a scrape", PATIENCE_S)
            sid = work(daemon)
            look_again(daemon, prometheus)
            in_peace = active(prometheus)
            in_the_outage = outage(daemon, prometheus, sid)
            look_again(daemon, prometheus)

            def has_passed() -> bool:
                return "ExpokeepBucketDown" not in active(prometheus)

            until(has_passed, "the end of the alert", PATIENCE_S)
            yield Day(daemon, prometheus, in_peace, in_the_outage, active(prometheus))
        assert daemon.stop() == 0, daemon.story


def lacks(prometheus: Prometheus, query: str) -> bool:
    """Return whether a query has no data, or data that is no number."""
    found = prometheus.query(filled_in(query, IN_THE_DAY))
    return not any(math.isfinite(float(one["value"][1])) for one in found)


def test_every_panel_and_every_mark_of_the_dashboard_has_data(day):
    def without_data():
        return {
            name: query
            for name, query in queries().items()
            if lacks(day.prometheus, query)
        }

    with contextlib.suppress(AssertionError):
        until(lambda: not without_data(), "data", 15)

    assert without_data() == {}


def test_prometheus_evaluates_every_rule(day):
    def rules():
        return day.prometheus.rules("alert") + day.prometheus.rules("record")

    until(lambda: all(rule["health"] == "ok" for rule in rules()), "every rule")

    assert len(rules()) > 50
    assert not [rule["lastError"] for rule in rules() if rule.get("lastError")]


def test_a_day_without_trouble_raises_no_alarm(day):
    assert day.alerts_in_peace == []


def test_an_outage_of_the_bucket_is_noticed_and_so_is_its_end(day):
    assert "ExpokeepBucketDown" in day.alerts_in_the_outage
    assert "ExpokeepBucketDown" not in day.alerts_afterwards


def test_the_records_have_values_that_can_be_right(day):
    value = day.prometheus.value

    assert 0 < value("instance:expokeep_uploads_failed:ratio_rate10m") < 1
    assert 0 < value("instance:expokeep_restore_duration_seconds:p90_1h") < 300
    assert value("job:expokeep_kept_dedup:ratio") > 0
