"""Ordinary users: as whom the daemon may run, and what each may ask of it."""

import json
import os
import shutil
from pathlib import Path

import msgspec
import psycopg
import pytest

from asking_raw import answer
from daemons import NOBODY, as_nobody, daemon_on, differences, digests, until
from expokeep.builds.documents import BuildDocument


def session_of(site, uid: int, name: str):
    """Make a session that belongs to a user."""
    sid, place = site.session(name)
    elsewhere = site.top / f"made-for-{sid}"
    elsewhere.mkdir()
    (elsewhere / "App.js").write_text(name)
    for one in (elsewhere, elsewhere / "App.js"):
        os.chown(one, uid, -1)
    elsewhere.rename(place)
    return sid, place


def test_an_ordinary_user_runs_a_daemon_and_restores_what_is_its_own(prepare_site):
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    with prepare_site() as site, daemon_on(site, before=as_nobody()) as daemon:
        sid, place = session_of(site, uid, "own")
        daemon.start()
        who = Path(f"/proc/{daemon.pid}/status").read_text()
        assert f"Uid:\t{uid}\t{uid}\t" in who
        daemon.await_versions(sid, 1)
        kept = digests(place)
        shutil.rmtree(place)

        done = daemon.cli("restore", sid, before=as_nobody())
        ran = daemon.cli("exec", sid, "--", "id", "-u", before=as_nobody())

        assert (done.returncode, digests(place)) == (0, kept)
        assert {place.stat().st_uid, (place / "App.js").stat().st_uid} == {uid}
        assert ran.stdout == f"{uid}\n"
        assert daemon.stop() == 0


@pytest.fixture(scope="module")
def sessions(daemon, site):
    """A session of nobody's own, and one of ours."""
    own, foreign = (session_of(site, uid, "owned") for uid in (NOBODY, os.geteuid()))
    for sid, _ in (own, foreign):
        daemon.await_versions(sid, 1)
    return own, foreign


def test_a_user_has_all_rights_to_the_sessions_that_are_its_own(
    as_root, daemon, site, sessions
):
    (own, place), _foreign = sessions
    listed = daemon.cli("sessions", "--json", before=as_nobody())
    back = site.top / "back-own"
    asked = [
        daemon.cli(*words, before=as_nobody())
        for words in (
            ("save", own),
            ("log", own),
            ("show", own),
            ("ls", own),
            ("cat", own, "App.js"),
            ("find", "App.js", own),
            ("diff", own),
            ("status",),
            ("info",),
            ("flush", own, "--wait"),
            ("pause", own),
            ("resume", own),
            ("restore", own, "--to", back),
        )
    ]

    assert [one.stderr for one in asked if one.returncode] == []
    assert listed.stdout.count('"session"') == 1
    assert own in listed.stdout
    assert differences(place, back) == ""


def test_what_is_another_users_does_not_exist(as_root, daemon, site, sessions):
    _own, (foreign, _place) = sessions
    asked = {
        words: daemon.cli(*words, before=as_nobody())
        for words in (
            ("save", foreign),
            ("save", "never-was"),
            ("log", foreign),
            ("show", f"{foreign}@1"),
            ("ls", foreign),
            ("cat", foreign, "App.js"),
            ("find", "App.js", foreign),
            ("diff", foreign),
            ("flush", foreign),
            ("pause", foreign),
            ("restore", foreign, "--to", str(site.top / "stolen")),
            ("restore", foreign[:8], "--to", str(site.top / "stolen")),
        )
    }

    codes = {words: done.returncode for words, done in asked.items()}
    assert codes == dict.fromkeys(codes, 10)
    said = "".join(done.stdout + done.stderr for done in asked.values())
    assert "owned\n" not in said
    assert not (site.top / "stolen").exists()
    status = daemon.cli("status", "--json", before=as_nobody()).stdout
    assert foreign not in status


def test_what_fails_for_another_user_is_told_without_its_name(
    as_root, daemon, site, sessions
):
    sid, place = session_of(site, os.geteuid(), "failing")
    daemon.await_versions(sid, 1)
    site.relay.go_down()
    (place / "App.js").write_text("edited")
    until(lambda: sid in (daemon.ask("status")["store_error"] or ""), "it fails")

    told = daemon.cli("status", "--json", before=as_nobody()).stdout
    site.relay.come_back()

    assert '"store_error"' in told
    assert sid not in told
    daemon.cli("flush", sid, "--wait")
    assert daemon.ask("status")["store_error"] is None
    shutil.rmtree(place)


def test_an_empty_directory_is_no_key_to_the_sessions_whose_names_it_begins(
    as_root, daemon, site, sessions
):
    _own, (foreign, _place) = sessions
    # Nothing of it is ever kept, so that the catalog takes its name for a prefix.
    key = foreign[:-1]
    mine = site.watch / f"expo-{key}"
    (site.top / "empty").mkdir()
    os.chown(site.top / "empty", NOBODY, -1)
    (site.top / "empty").rename(mine)
    listed = f"'session': '{key}'"
    until(lambda: listed in str(daemon.ask("status")), "the directory is watched")

    asked = {
        words: daemon.cli(*words, before=as_nobody())
        for words in (
            ("log", key),
            ("show", key),
            ("ls", f"{key}@1"),
            ("cat", key, "App.js"),
            ("find", "App.js", key),
            ("diff", f"{key}@1"),
            ("restore", key, "--to", str(site.top / "stolen")),
        )
    }
    saved = daemon.cli("save", key, "--json", before=as_nobody())

    codes = {words: done.returncode for words, done in asked.items()}
    assert codes == dict.fromkeys(codes, 10)
    said = "".join(done.stdout + done.stderr for done in (*asked.values(), saved))
    assert foreign not in said
    assert '"version":null' in saved.stdout.replace(" ", "")
    mine.rmdir()


def test_what_concerns_everybody_is_for_operators(as_root, daemon, sessions):
    (own, _), _foreign = sessions
    codes = {
        words: daemon.cli(*words, before=as_nobody()).returncode
        for words in (
            ("pause", "--all"),
            ("resume", "--all"),
            ("flush", "--all"),
            ("find", "App.js"),
            ("doctor",),
            ("db", "status"),
            ("save", own, "--user", "mallory"),
        )
    }

    assert codes == dict.fromkeys(codes, 12)
    assert daemon.ask("status")["state"] == "ok"


def test_a_directory_of_another_user_is_not_committed_to_a_session(
    as_root, daemon, site
):
    sid, place = session_of(site, os.geteuid(), "mine")
    daemon.await_versions(sid, 1)
    shutil.rmtree(place)
    elsewhere = site.top / "intruder"
    elsewhere.mkdir()
    (elsewhere / "App.js").write_text("malicious")
    os.chown(elsewhere, NOBODY, -1)
    elsewhere.rename(place)

    refused = daemon.cli("save", sid)

    assert refused.returncode != 0
    assert f"of uid {NOBODY}" in refused.stderr
    assert len(site.versions(sid)) == 1
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def anns(daemon, site):
    """A session that an operator has saved for ann."""
    sid, place = session_of(site, os.geteuid(), "anns")
    daemon.await_versions(sid, 1)
    daemon.cli("save", sid, "--user", "ann", "--name", "Shop")
    return sid, place


def test_on_behalf_of_a_user_what_the_user_owns_can_be_used(daemon, site, anns):
    sid, place = anns
    listed = daemon.cli("--as", "ann", "sessions", "--json").stdout
    back = site.top / "back-anns"
    asked = [
        daemon.cli("--as", "ann", *words)
        for words in (
            ("save", sid, "-m", "mine"),
            ("save", sid, "--user", "ann"),
            ("log", sid),
            ("cat", sid, "App.js"),
            ("find", "App.js", sid),
            ("diff", sid),
            ("pin", f"{sid}@1"),
            ("unpin", f"{sid}@1"),
            ("flush", sid, "--wait"),
            ("restore", sid, "--to", back),
            ("delete", sid, "--yes"),
            ("undelete", sid),
        )
    ]

    assert [one.stderr for one in asked if one.returncode] == []
    assert listed.count('"session"') == 1
    assert sid in listed
    assert sid in daemon.cli("--as", "ann", "status", "--json").stdout
    assert differences(place, back) == ""


def test_one_request_tells_whether_a_build_exists_and_what_it_is(daemon, site):
    sid, place = session_of(site, os.geteuid(), "existing")
    daemon.await_versions(sid, 1)
    daemon.cli("save", sid, "--user", "team-blue", "-m", "hello")

    def asked(session, user):
        headers = {"Expokeep-User": user}
        target = f"/v1/builds/{session}"
        return answer(
            str(daemon.state / "control.sock"),
            {"method": "GET", "target": target, "headers": headers},
        )

    told = asked(sid, "team-blue")
    build = msgspec.json.decode(told["body"], type=BuildDocument)
    fields = {field.encode_name for field in msgspec.structs.fields(BuildDocument)}
    missing = asked("never-was", "team-blue")

    assert json.loads(told["body"]).keys() == {"message_type", *fields}
    assert (build.owner, build.version, build.file_count) == ("team-blue", 1, 1)
    assert build.directory == str(place)  # it is active
    assert build.expires_at > build.accessed_at
    assert missing["status"] == asked(sid, "ann")["status"] == 404
    shutil.rmtree(place)
    until(lambda: '"directory":null' in asked(sid, "team-blue")["body"], "only saved")


def test_on_behalf_of_another_user_it_does_not_exist(daemon, site, anns):
    sid, _place = anns
    for words in (
        ("save", sid),
        ("log", sid),
        ("cat", sid, "App.js"),
        ("diff", f"{sid}@1"),
        ("pin", f"{sid}@1"),
        ("flush", sid),
        ("restore", sid, "--to", site.top / "stolen"),
        ("restore", sid[:8], "--to", site.top / "stolen"),
        ("delete", sid, "--yes"),
        ("undelete", sid),
    ):
        done = daemon.cli("--as", "bob", *words)
        assert done.returncode == 10, (words, done.stderr)
    said = [
        daemon.cli("--as", "bob", *words, "--json").stdout
        for words in (("sessions",), ("status",), ("sessions", "--deleted"))
    ]

    assert sid not in "".join(said)
    assert not (site.top / "stolen").exists()


def test_on_behalf_of_a_user_nothing_is_for_operators(as_root, daemon, anns):
    sid, _place = anns
    refused = {
        words: daemon.cli("--as", "ann", *words).returncode
        for words in (
            ("pause", "--all"),
            ("find", "App.js"),
            ("doctor",),
            ("accept", sid),
            ("gc",),
            ("save", sid, "--user", "bob"),
            ("sessions", "--user", "bob"),
            ("delete", sid, "--now", "--yes"),
        )
    }
    stranger = daemon.cli("--as", "ann", "info", before=as_nobody())
    nameless = daemon.cli("--as", "", "sessions")

    assert refused == dict.fromkeys(refused, 12)
    assert stranger.returncode == 12
    assert nameless.returncode == 2


def test_a_session_that_is_all_parked_is_no_key_to_what_waits_of_another(daemon, site):
    sid, place = session_of(site, os.geteuid(), "parked")
    daemon.await_versions(sid, 1)
    daemon.cli("save", sid, "--user", "ann")
    shutil.rmtree(place)
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE expokeep.session SET head_seq = NULL WHERE sid = %s", (sid,)
        )
        connection.execute(
            "UPDATE expokeep.version SET parked = 'quota' WHERE session ="
            " (SELECT id FROM expokeep.session WHERE sid = %s)",
            (sid,),
        )
    other = f"{sid}-of-bob"
    theirs = site.watch / f"expo-{other}"
    daemon.cli("pause", "--all")
    theirs.mkdir()
    (theirs / "App.js").write_text("bobs")
    until(lambda: daemon.ask("status")["spool"]["entries"], "it waits in the spool")

    asked = [
        daemon.cli("--as", "ann", *words)
        for words in (
            ("restore", sid, "--to", str(site.top / "stolen-of-bob")),
            ("plan", sid),
        )
    ]
    daemon.cli("resume", "--all")
    shutil.rmtree(theirs)

    said = "".join(one.stdout + one.stderr for one in asked)
    assert [one.returncode != 0 for one in asked] == [True, True], said
    assert other not in said
    assert "parked" in said
    assert not (site.top / "stolen-of-bob").exists()
