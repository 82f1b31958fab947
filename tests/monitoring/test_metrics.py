"""What a daemon tells of itself, compared with what truly happened."""

import re

import pytest

from daemons import QUICK, write
from expokeep.control.client import Client
from expokeep.errors import ExpokeepError
from expokeep.service.monitoring.declared import METRICS
from looking import all_saved, figures, grown, parsed

SETTINGS = f"{QUICK}\ncost: {{monthly-budget: 12.50}}\n"
HOSTILE = 'ann"\\n{}=#'
LATER = {
    *("chore_last_duration_seconds", "chore_last_success_timestamp_seconds"),
    *("proof_well", "proof_timestamp_seconds", "damage_found"),
    *("user_quota_used_ratio", "share_refusals"),
}
"""What is missing as long as there is nothing to tell."""


def test_from_the_start_all_is_told_that_there_is(seen):
    daemon, window = seen

    scrape = figures(daemon, window)

    told = {
        name.removeprefix("expokeep_") for name in scrape.kinds if "expokeep" in name
    }
    bare = {name.removesuffix("_total") for name in METRICS}
    assert told <= bare
    assert bare - told <= LATER
    assert scrape.values["process_open_fds", frozenset()] > 0
    assert "process_start_time_seconds" in scrape.text
    assert (scrape("healthy"), scrape("ready")) == (1, 1)
    assert scrape("cost_month_budget_dollars") == 12.5
    assert scrape("schema_version", kind="found") == scrape(
        "schema_version", kind="known"
    )
    assert abs(scrape("clock_skew_seconds")) < 60
    assert scrape("scrape_errors_total") == 0


def test_no_series_is_told_twice(seen):
    _, window = seen

    lines = [
        line.rpartition(" ")[0]
        for line in window.scrape().text.splitlines()
        if not line.startswith("#")
    ]

    assert len(set(lines)) == len(lines)


def test_as_many_captures_and_versions_are_counted_as_there_were(seen, site):
    daemon, window = seen
    before = all_saved(window)
    sid, top = site.session()
    for number in range(3):
        write(top, {f"file-{number}": "x" * 1000 + str(number)})
        daemon.ask("save", sid)
    daemon.ask("save", sid)

    after = all_saved(window)

    # Whether the save came first, or the settler.
    assert grown(before, after, "captures_total", outcome="sealed") == 3
    assert grown(before, after, "captures_total", outcome="unchanged") >= 1
    assert grown(before, after, "captures_total", outcome="failed") == 0
    assert grown(before, after, "versions_total", outcome="head") == 3
    assert grown(before, after, "versions_total") == len(site.versions(sid)) == 3
    assert grown(before, after, "captured_bytes_total") == 3 * 1001
    assert grown(before, after, "packed_bytes_total") == 3 * 1001
    stored = grown(before, after, "pack_bytes_total")
    assert 0 < stored < 3 * 1001  # a thousand times the same letter, and a manifest
    assert grown(before, after, "store_sent_bytes_total") == stored
    assert grown(before, after, "capture_duration_seconds_count") == 3
    assert grown(before, after, "version_lag_seconds_count") == 3
    assert after("oldest_unsaved_change_age_seconds") == 0


def test_contents_that_are_kept_already_are_captured_and_not_packed(seen, site):
    daemon, window = seen
    files = {"same": "of all sessions " * 100}
    one, first = site.session()
    write(first, files)
    daemon.ask("save", one)
    before = all_saved(window)
    other, second = site.session()
    write(second, files)
    daemon.ask("save", other)

    after = all_saved(window)

    assert grown(before, after, "captured_bytes_total") == 1600
    assert grown(before, after, "packed_bytes_total") == 0


def test_requests_are_those_that_came_by(seen, site):
    daemon, window = seen
    before = all_saved(window)
    sid, top = site.session()
    with site.relay.recorded() as passed:
        write(top, {"a": "1"})
        daemon.ask("save", sid)
        after = all_saved(window)

    puts = [one for one in passed if one.method == "PUT"]
    told = grown(
        before,
        after,
        "store_requests_total",
        **{"class": "a", "operation": "PutObject", "outcome": "ok"},
    )
    assert told == len(puts) == 1
    assert grown(before, after, "store_requests_total") == len(passed)
    dollars = grown(before, after, "store_request_cost_dollars_total")
    assert dollars == pytest.approx(4.5e-06, rel=1e-6)


def test_restores_are_told_by_those_who_do_them(seen, site):
    daemon, window = seen
    sid, top = site.session()
    write(top, {"a": "1" * 500, "b": "2" * 700})
    daemon.ask("save", sid)
    before = window.scrape()
    daemon.ask("restore", sid, "--to", site.top / "elsewhere")
    daemon.ask("restore", sid, "--to", site.top / "elsewhere-too")
    daemon.ask("restore", sid, "--to", site.top / "nowhere", "--dry-run")
    assert daemon.cli("restore", sid).returncode == 4

    after = window.scrape()

    assert grown(before, after, "restores_total", outcome="restored") == 2
    assert grown(before, after, "restores_total", outcome="failed") == 0
    assert grown(before, after, "restored_bytes_total") == 2400
    assert grown(before, after, "restore_duration_seconds_count") == 2
    assert grown(before, after, "arrivals_total") == 2


def test_shares_are_counted_by_what_became_of_them(seen, site):
    daemon, window = seen
    sid, top = site.session()
    write(top, {"a": "1"})
    daemon.ask("save", sid, "--user", "ann")
    before = window.scrape()
    made = daemon.ask("--as", "ann", "share", "create", sid)
    token = made["token"]
    daemon.ask("--as", "bob", "share", "import", token)
    refused = daemon.cli("--as", "bob", "share", "import", "x" * 43)
    daemon.ask("--as", "ann", "share", "revoke", made["share"]["share"])
    late = daemon.cli("--as", "bob", "share", "import", token)
    assert refused.returncode == late.returncode == 14

    after = figures(daemon, window)

    for outcome, count in (
        ("created", 1),
        ("imported", 1),
        ("revoked", 1),
        ("refused", 2),
    ):
        assert grown(before, after, "shares_total", outcome=outcome) == count
    assert after("share_refusals", reason="revoked") == 1
    assert after("shares", state="revoked") == 1
    assert grown(before, after, "versions_total", trigger="import") == 1
    assert token not in after.text


def test_answers_of_the_socket_are_counted_by_their_status(seen):
    daemon, window = seen
    client = Client(daemon.state / "control.sock")
    before = window.scrape()
    for _ in range(3):
        with pytest.raises(ExpokeepError):
            client.get("/v1/versions/nothing-like-it@1")
    with pytest.raises(ExpokeepError):
        client.get("/v1/sessions", sort="colour")
    client.get("/v1/info")

    after = window.scrape()

    assert grown(before, after, "control_requests_total", status="404") == 3
    assert grown(before, after, "control_requests_total", status="400") == 1
    assert grown(before, after, "control_requests_total", status="200") == 1
    assert grown(before, after, "control_request_duration_seconds_count") == 5


def test_a_user_is_told_by_name_whatever_it_is_made_of(seen, site):
    daemon, window = seen
    sid, top = site.session()
    write(top, {"a": "hostile"})
    daemon.ask("save", sid, "--user", HOSTILE)

    scrape = figures(daemon, window)

    assert scrape("user_sessions", user=HOSTILE) == 1
    assert scrape("user_stored_bytes", user=HOSTILE) > 0
    assert 0 < scrape("user_quota_used_ratio", user=HOSTILE, quota="builds") < 1
    assert scrape("user_sessions", user="other") == 0


def test_nothing_that_is_told_names_a_session_or_a_place(seen, site):
    daemon, window = seen
    sid, top = site.session("canary")
    write(top, {"canary-file": "1"})
    daemon.ask("save", sid, "--user", "ann", "--name", "canary-project")
    figures(daemon, window)

    for path in ("/metrics", "/healthz", "/readyz", "/"):
        _, _, body = window.ask(path)
        assert "canary" not in body
        assert str(site.top) not in body
        assert site.bucket not in body


def test_a_session_that_ends_is_counted_and_its_state_is_gone(seen, site):
    daemon, window = seen
    sid, top = site.session()
    write(top, {"a": "1"})
    daemon.ask("save", sid)
    before = all_saved(window)
    for path in top.iterdir():
        path.unlink()
    top.rmdir()
    daemon.await_end(sid)

    after = window.scrape()

    assert grown(before, after, "sessions_ended_total") == 1
    assert grown(before, after, "sessions") == -1


def test_a_configuration_that_is_wrong_shows_until_it_is_right(seen):
    daemon, window = seen
    read_at = window.scrape()("config_last_reload_timestamp_seconds")
    daemon.configure("objective: soon\n")
    assert daemon.cli("reload").returncode != 0
    wrong = window.scrape()
    daemon.configure(SETTINGS + "objective: 90s\n")
    daemon.ask("reload")
    right = window.scrape()
    daemon.configure(SETTINGS)
    daemon.ask("reload")

    assert wrong("config_last_reload_successful") == 0
    assert wrong("config_last_reload_timestamp_seconds") == read_at
    assert right("config_last_reload_successful") == 1
    assert right("config_last_reload_timestamp_seconds") > read_at
    assert right("objective_seconds") == 90


def test_a_pause_and_a_drain_show(seen):
    daemon, window = seen
    daemon.ask("pause", "--all")
    paused = window.scrape()
    daemon.ask("resume", "--all")
    daemon.ask("drain")
    drained = window.scrape()
    daemon.ask("resume", "--all")
    after = window.scrape()

    assert (paused("paused"), paused("drained")) == (1, 0)
    assert drained("drained") == 1
    assert drained("lease_held") == 0
    assert (after("paused"), after("drained")) == (0, 0)


def test_the_modern_format_is_told_to_whoever_asks_for_it(seen):
    _, window = seen
    accept = "application/openmetrics-text; version=1.0.0"

    status, media_type, body = window.ask("/metrics", Accept=accept)

    assert (status, media_type.partition(";")[0]) == (200, accept.partition(";")[0])
    assert body.endswith("# EOF\n")


def test_status_and_metrics_use_the_same_words_for_the_same_things(seen):
    daemon, window = seen
    all_saved(window)

    status, scrape = daemon.ask("status"), window.scrape()

    states = [one["state"] for one in status["sessions"]]
    for state in ("idle", "dirty", "saving", "waiting", "paused"):
        assert scrape("sessions", state=state) == states.count(state)
    assert scrape("watches") == status["watch"]["watches"]
    assert scrape("objective_seconds") == status["monitoring"]["objective_s"]
    assert scrape("spool_max_bytes") == status["spool"]["max_bytes"]
    assert status["monitoring"]["beyond_objective"] == 0
    assert re.fullmatch(r"127\.0\.0\.1:\d+", status["monitoring"]["addr"])


def test_a_scrape_of_a_real_daemon_is_what_the_parser_of_prometheus_reads(seen):
    _, window = seen

    _, media_type, body = window.ask("/metrics")

    assert media_type.startswith("text/plain; version=")
    assert parsed(body).kinds["expokeep_captures"] == "counter"
    assert parsed(body).kinds["expokeep_capture_duration_seconds"] == "histogram"
