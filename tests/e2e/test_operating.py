"""What an operator tells the daemon, and what it tells the operator. Never a secret."""

import json
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daemons import QUICK, appear, daemon_on, run, storm, until, write
from expokeep.control.client import Client


def kept(daemon, site):
    sid, place = site.session()
    appear(place, {"App.js": "1"})
    daemon.await_versions(sid, 1)
    return sid, place


def test_a_pause_keeps_in_the_spool_what_a_resume_ships_in_order(daemon, site):
    sid, place = kept(daemon, site)
    other, _ = kept(daemon, site)

    held = daemon.ask("pause", sid)
    for number in (2, 3):
        write(place, {"App.js": f"{number}"})
        daemon.await_spooled(sid, number - 1)
    status = daemon.ask("status", sid)
    refused = daemon.cli("save", sid)
    # The same contents: nobody waits for one who waits.
    write(site.watch / f"expo-{other}", {"App.js": "2"})
    daemon.await_versions(other, 2, timeout_s=10)

    assert held["sessions"] == [sid]
    assert (status["sessions"][0]["state"], status["spool"]["entries"]) == ("paused", 2)
    assert refused.returncode == 11
    assert "safe in the spool" in refused.stderr
    assert len(site.versions(sid)) == 1

    daemon.ask("resume", sid)
    rows = daemon.await_versions(sid, 3)
    assert [row["parent_seq"] for row in rows] == [None, 1, 2]
    assert daemon.cli("cat", f"{sid}@2", "App.js").stdout == "2"
    assert daemon.cli("cat", f"{sid}@3", "App.js").stdout == "3"


def test_a_pause_of_everything_ends_by_itself_when_told_so(daemon, site):
    sid, place = kept(daemon, site)

    assert daemon.ask("pause", "--all", "--for", "1s")["everything"] is True
    write(place, {"App.js": "2"})
    daemon.await_versions(sid, 2)

    assert daemon.ask("status", sid)["sessions"][0]["state"] != "paused"


def test_a_flush_that_waits_returns_when_what_was_just_written_is_recorded(
    daemon, site
):
    sid, place = kept(daemon, site)
    _other, elsewhere = kept(daemon, site)
    client = Client(daemon.state / "control.sock")

    for number in range(2, 5):
        storm(elsewhere)
        write(place, {"App.js": f"{number}"})
        *_, told = client.lines("POST", "/v1/flush", {"session": sid, "wait": True})
        assert (told["pending"], told["unsaved"]) == (0, 0)
        assert len(site.versions(sid)) == number


def test_a_daemon_that_is_well_says_so(daemon, site):
    sid, place = kept(daemon, site)

    status, info = daemon.ask("status"), daemon.ask("info")

    assert (status["state"], status["spool"]["entries"]) == ("ok", 0)
    (session,) = [one for one in status["sessions"] if one["session"] == sid]
    assert (session["state"], session["last_seq"]) == ("idle", 1)
    assert session["directory"] == str(place)
    assert (info["pid"], info["state_dir"]) == (daemon.pid, str(daemon.state))
    checks = {check["name"]: check["state"] for check in daemon.ask("doctor")["checks"]}
    assert (checks["postgres"], checks["bucket"], checks["schema"]) == ("ok",) * 3
    socket = str(daemon.state / "control.sock")
    asked = run(["curl", "-sf", "--unix-socket", socket, "http://x/v1/info"])
    assert json.loads(asked.stdout)["pid"] == daemon.pid


def said_by(daemon) -> str:
    """Return all that can be got out of a daemon and of its command."""
    asked = [
        daemon.cli(*words)
        for words in (
            ("config", "show", "--sources"),
            ("config", "show", "--json"),
            ("status",),
            ("status", "--json"),
            ("info", "--json"),
            ("doctor",),
            ("sessions", "--direct"),
            ("restore", "nobody", "--direct"),
            ("db", "migrate", "--dry-run"),
        )
    ]
    return "\n".join([daemon.log, *(one.stdout + one.stderr for one in asked)])


def test_no_secret_is_ever_printed(daemon, site):
    sid, _place = kept(daemon, site)
    keys = site.seaweed.secret_access_key, conninfo_to_dict(site.database_url)

    said = said_by(daemon)

    assert sid in said
    assert keys[0] not in said
    assert keys[1]["password"] not in said
    assert quote(keys[1]["password"], safe="") not in said


def test_no_secret_is_printed_even_when_all_of_them_are_wrong(site):
    canaries = {"R2_SECRET_ACCESS_KEY": "canary-of-r2-7d1", "pw": "canary-of-pg-3f9"}
    environment = {
        "R2_SECRET_ACCESS_KEY": canaries["R2_SECRET_ACCESS_KEY"],
        "DATABASE_URL": make_conninfo(site.database_url, password=canaries["pw"]),
    }
    settings = QUICK + "logging: {level: debug}\n"
    with daemon_on(site, "wrong", settings=settings, environment=environment) as wrong:
        wrong.start()
        sid, place = site.session("wrong")
        appear(place, {"App.js": "1"})
        until(lambda: wrong.ask("status")["store_error"], "the failure is told")
        refused = wrong.cli("save", sid)

        said = said_by(wrong) + refused.stderr
        wrong.kill()

    assert refused.returncode == 12
    assert "canary" not in said
