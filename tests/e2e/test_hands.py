"""What an operator does to running daemons: looks, drains, reloads, is audited."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from daemons import QUICK, Daemon, Site, appear, daemon_on, until, write

PROJECT = {"package.json": "{}", "App.js": "one"}


def settings(name: str, site: Site, more: str = "") -> str:
    return f"{QUICK}host-name: {name}\nwatch: [{{dir: {site.watch}}}]\n{more}"


@pytest.fixture(scope="module")
def other_site(site: Site) -> Site:
    """A disk of its own, beside the same servers."""
    other = replace(site, top=site.top / "b")
    other.watch.mkdir(parents=True)
    return other


@pytest.fixture(scope="module")
def other(other_site: Site) -> Iterator[Daemon]:
    with daemon_on(other_site, "b", settings=settings("b", other_site)) as daemon:
        daemon.start()
        yield daemon
        assert daemon.stop() == 0, daemon.story


@pytest.fixture
def shop(daemon):
    """A session that is kept."""
    sid, top = daemon.site.session()
    appear(top, PROJECT)
    daemon.await_versions(sid, 1)
    return sid, top


def heard(daemon, *words):
    return [one for one in daemon.lines("events", *words) if "kind" in one]


def is_alive(site, name):
    with psycopg.connect(site.database_url) as connection:
        row = connection.execute(
            "SELECT lease_until > clock_timestamp() FROM expokeep.host WHERE name = %s",
            (name,),
        ).fetchone()
    return row is not None and row[0]


def holder(daemon, sid):
    return daemon.ask("sessions", sid)["sessions"][0]["host"]


def test_a_follower_hears_of_a_version_when_it_is_recorded(daemon, shop):
    sid, top = shop
    follower = daemon.begin("events", "-f", sid, "--json")
    told = []
    while not told or told[-1]["message_type"] != "heartbeat":
        told.append(json.loads(follower.stdout.readline()))

    write(top, {"App.js": "two"})
    while told[-1].get("details", {}).get("seq") != 2:
        told.append(json.loads(follower.stdout.readline()))
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=30)

    assert follower.returncode == 130
    assert [one["details"]["seq"] for one in told if one.get("kind")] == [1, 2]
    numbers = [one["number"] for one in told]
    assert numbers == sorted(numbers)


def test_what_was_told_is_not_told_again(daemon, shop):
    sid, _ = shop
    (first,) = heard(daemon, sid)

    assert heard(daemon, sid, "--after", str(first["number"])) == []
    assert daemon.cli("events", sid).stdout.count("version.created") == 1
    assert heard(daemon, sid, "--since", "1h") == [first]


def test_the_end_of_a_session_and_its_deletion_are_told(daemon, shop):
    sid, top = shop
    top.rename(top.parent / f"gone-{sid}")
    daemon.await_end(sid)
    assert daemon.cli("delete", sid, "--yes").returncode == 0

    kinds = [one["kind"] for one in heard(daemon, sid)]

    assert kinds == ["version.created", "session.ended", "session.deleted"]


def test_what_was_destroyed_is_written_down_with_its_end(daemon, shop):
    sid, _ = shop
    daemon.cli("delete", sid, "--dry-run")
    daemon.cli("label", sid, "demo")
    daemon.cli("--as", "eve", "label", "--remove", "demo", sid)
    daemon.cli("delete", sid, "--yes")

    acts = daemon.ask("audit", sid)["acts"]

    assert [(one["action"].rsplit("/", 1)[1], one["exit_code"]) for one in acts] == [
        ("delete", 0),
        ("unlabel", 10),
        ("label", 0),
    ]
    assert [one["user"] for one in acts] == [None, "eve", None]
    assert acts[0]["subject"] == sid
    assert acts[2]["details"] == {"name": "demo", "version": 1}
    assert all(one["ended_at"] for one in acts)
    assert "/v1/sessions/{session}/delete " in daemon.cli("audit", sid).stdout


def test_the_audit_says_which_share_was_ended_and_not_its_token(daemon, shop):
    sid, _ = shop
    daemon.cli("save", sid)
    link = daemon.cli("share", "create", sid).stdout.strip()
    (share,) = daemon.ask("share", "list", sid)["shares"]

    daemon.cli("share", "revoke", link, "--yes")

    act = daemon.ask("audit", sid)["acts"][0]
    assert act["action"] == "POST /v1/shares/revoke"
    assert act["details"]["shares"] == [share["share"]]
    assert link.rpartition("/")[2] not in str(act)


def test_a_drained_host_lets_another_take_over_at_once(daemon, other, shop):
    sid, top = shop
    write(top, {"App.js": "just now"})

    drained = daemon.ask("drain")
    write(top, {"App.js": "after"})
    daemon.await_spooled(sid, 1)
    told = other.ask("restore", sid)

    assert (drained["done"], drained["pending"], drained["unsaved"]) == (True, 0, 0)
    assert drained["released"] >= 1
    assert daemon.site.versions(sid)[-1]["seq"] == 2
    assert told["version"] == 2
    assert holder(daemon, sid) == "b"

    assert daemon.cli("resume", "--all").returncode == 0
    daemon.await_versions(sid, 3)
    assert daemon.site.versions(sid)[-1]["parked"]  # beside what is on host b now
    until(lambda: is_alive(daemon.site, one_name(daemon)), "the lease runs again")


def one_name(daemon):
    return daemon.ask("info")["host"]


def test_what_cannot_be_recorded_is_not_given_away(daemon, shop):
    sid, top = shop
    daemon.site.relay.go_down()
    try:
        write(top, {"App.js": "not yet"})
        daemon.await_spooled(sid, 1)
        ended = daemon.cli("drain", "--timeout", "1s")
    finally:
        daemon.site.relay.come_back()

    assert ended.returncode in (3, 124)
    assert "1 snapshot not recorded" in ended.stderr
    assert "Nothing is given away" in ended.stderr
    assert is_alive(daemon.site, one_name(daemon))
    daemon.await_versions(sid, 2)


def test_nothing_drains_while_uploads_are_held_back(daemon):
    daemon.cli("pause", "--all")
    ended = daemon.cli("drain")
    daemon.cli("resume", "--all")

    assert ended.returncode == 11
    assert "resume --all" in ended.stderr


def test_what_can_follow_a_new_configuration_does(daemon, shop):
    sid, top = shop
    daemon.configure(f"{QUICK}guard: {{max-delete-percent: 1}}\nworkers: 3\n")

    told = daemon.ask("reload")

    assert told["applied"] == ["guard.max-delete-percent"]
    assert told["restart"] == ["workers"]
    assert daemon.ask("reload")["applied"] == []
    write(top, {f"{number}.js": "x" for number in range(10)})
    daemon.await_versions(sid, 2)
    for number in range(6):
        (top / f"{number}.js").unlink()
    assert "6 of 12 files" in daemon.await_versions(sid, 3)[-1]["parked"]
    daemon.configure(QUICK)
    daemon.ask("reload")


def test_a_bad_file_leaves_the_old_configuration(daemon):
    daemon.configure(f"{QUICK}guard: {{max-delete-percent: all}}\n")
    ended = daemon.cli("reload")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "configuration not reloaded" in daemon.log, "the signal is heeded")
    daemon.configure(QUICK)

    assert ended.returncode == 78
    assert "guard.max-delete-percent" in ended.stderr
    assert daemon.ask("reload")["applied"] == []


def test_a_signal_reads_the_configuration_again(daemon):
    before = len(heard(daemon))
    daemon.configure(f"{QUICK}logging: {{level: debug}}\n")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: len(heard(daemon)) > before, "the signal is heeded")
    daemon.configure(QUICK)

    assert heard(daemon)[before]["details"]["applied"] == ["logging.level"]
    assert daemon.ask("reload")["applied"] == ["logging.level"]


def test_names_that_nobody_knows_are_refused(daemon):
    for verb in ("pause", "resume", "flush"):
        ended = daemon.cli(verb, "nobody-knows")
        assert (verb, ended.returncode) == (verb, 10), ended.stderr


def test_a_clean_stop_ends_the_lease(other_site):
    with daemon_on(other_site, "c", settings=settings("c", other_site)) as daemon:
        daemon.start()
        until(lambda: is_alive(other_site, "c"), "the lease runs")
        assert daemon.stop() == 0, daemon.story

    assert not is_alive(other_site, "c")


def test_top_shows_a_table_in_a_pipe_and_documents_by_contract(daemon, shop):
    sid, _ = shop

    assert sid in daemon.cli("top", "--once").stdout
    assert daemon.ask("top", "--once")["message_type"] == "status"
