"""Versions of what is kept: forks, templates, and going back, with the real daemon."""

import shutil

import pytest

from daemons import QUICK, appear, differences, digests, write

SETTINGS = (
    QUICK
    + """\
retention: {grace: 0s, keep-last: 2, keep-hourly: 0, keep-daily: 0}
"""
)
FILES = {
    "package.json": "{}",
    "App.js": "one",
    "src/Home.js": "home",
    "assets/big.bin": bytes(range(256)) * 40_000,
}


def project(daemon, site, **more):
    """Keep a project, with a file that has a pack of its own."""
    sid, place = site.session()
    appear(place, {**FILES, **more})
    daemon.await_versions(sid, 1)
    return sid, place


def versions(daemon, sid):
    return daemon.ask("log", sid)["versions"]


def test_a_fork_is_the_same_uploads_nothing_and_outlives_its_source(daemon, site):
    sid, place = project(daemon, site)
    new, home = site.session("fork")
    before = digests(place)

    with site.relay.recorded() as seen:
        made = daemon.ask("fork", sid, "--session", new, "-m", "a look")

    puts = [request for request in seen if request.method in ("PUT", "POST")]
    assert [one.target.split("?")[0].split("/")[-2] for one in puts] == [new]
    assert sum(one.sent_bytes for one in puts) < 2000  # of ten megabytes
    assert (made["session"], made["version"], made["owner"]) == (new, 1, None)

    shutil.rmtree(place)
    daemon.await_end(sid)
    daemon.ask("delete", sid, "--now", "--yes")
    for _ in range(2):  # what is retired by one is deleted by the next
        daemon.ask("gc")
    assert daemon.cli("log", sid).returncode == 10

    daemon.ask("restore", new)
    assert digests(home) == before
    write(home, {"App.js": "two"})
    rows = daemon.await_versions(new, 2)
    assert [(row["trigger"], row["parent_seq"], row["parked"]) for row in rows] == [
        ("fork", None, None),
        ("auto", 1, None),
    ]


def test_a_session_goes_back_and_on_and_its_log_tells_all(daemon, site):
    sid, place = project(daemon, site)
    write(place, {"App.js": "two", "node_modules/x/index.js": "made"})
    daemon.await_versions(sid, 2)
    write(place, {"src/Late.js": "not settled yet"})

    reverted = daemon.lines("revert", sid, "1", "--yes")

    told = next(one for one in reverted if one["message_type"] == "reverted")
    assert (told["state"], told["version"]) == ("recorded", 4)
    assert told["origin_version"] == 1
    assert (place / "App.js").read_text() == "one"
    assert not (place / "src/Late.js").exists()
    assert (place / "node_modules/x/index.js").read_text() == "made"

    daemon.ask("flush", sid, "--wait")
    write(place, {"App.js": "three"})
    rows = daemon.await_versions(sid, 5)
    assert [(row["parent_seq"], row["parked"]) for row in rows] == [
        (None, None),
        (1, None),
        (2, None),
        (3, None),
        (4, None),
    ]
    assert [row["trigger"] for row in rows[3:]] == ["revert", "auto"]
    assert versions(daemon, sid)[1]["origin"] == {"session": sid, "seq": 1}
    late = daemon.cli("cat", f"{sid}@3", "src/Late.js")
    assert late.stdout == "not settled yet"


def test_some_paths_go_back_and_the_others_stay(daemon, site):
    sid, place = project(daemon, site)
    write(place, {"App.js": "two", "src/Home.js": "new home", "src/More.js": "more"})
    daemon.ask("save", sid)

    planned = daemon.ask("revert", sid, "1", "src", "--dry-run")
    assert (planned["state"], planned["set_count"]) == ("planned", 1)
    assert (planned["gone_count"], planned["version"]) == (1, None)
    daemon.ask("revert", sid, f"{sid}@1", "src", "--yes")

    assert (place / "App.js").read_text() == "two"
    assert (place / "src/Home.js").read_text() == "home"
    assert not (place / "src/More.js").exists()
    again = daemon.ask("revert", sid, "1", "src", "--yes")
    assert (again["state"], again["directory"]) == ("unchanged", None)
    wrong = daemon.cli("revert", sid, "1", "nowhere", "--yes")
    assert wrong.returncode == 10


def test_a_template_holds_its_version_and_begins_sessions(daemon, site):
    sid, place = project(daemon, site)
    for number in range(2, 6):
        write(place, {"App.js": f"{number}"})
        daemon.ask("save", sid)
    name = f"start of {sid}"
    daemon.ask("template", "create", f"{sid}@2", name)
    daemon.ask("forget", sid)
    assert [one["seq"] for one in versions(daemon, sid)] == [5, 4, 2]

    refused = daemon.cli("delete", sid, "--yes")
    assert (refused.returncode, name in refused.stderr) == (4, True)
    listed = daemon.ask("template", "list")["templates"]
    assert [(one["name"], one["version"]) for one in listed] == [(name, 2)]
    begun = daemon.ask("template", "new", name)
    assert (begun["template"], begun["origin_version"]) == (name, 2)
    daemon.ask("restore", begun["session"])
    home = place.with_name(f"expo-{begun['session']}")
    assert (home / "App.js").read_text() == "2"
    assert not differences(place / "assets", home / "assets")

    daemon.ask("template", "delete", name, "--yes")
    daemon.ask("forget", sid)
    assert [one["seq"] for one in versions(daemon, sid)] == [5, 4]
    assert daemon.cli("template", "new", name).returncode == 10


def test_what_is_saved_can_be_named_and_pinned_at_once(daemon, site):
    sid, _place = project(daemon, site)

    saved = daemon.ask("save", sid, "--label", "demo", "--pin")

    assert (saved["state"], saved["label"], saved["is_pinned"]) == (
        "unchanged",
        "demo",
        True,
    )
    shown = daemon.ask("show", f"{sid}@label:demo")["version"]
    assert (shown["seq"], shown["labels"], shown["is_pinned"]) == (1, ["demo"], True)
    assert daemon.cli("save", sid, "--label", "a@b").returncode == 2


def test_a_name_that_is_taken_is_refused(daemon, site):
    sid, place = project(daemon, site)
    other, _ = project(daemon, site)
    empty, _ = site.session()
    place.with_name(f"expo-{empty}").mkdir()

    for taken in (sid, other, empty):
        assert daemon.cli("fork", sid, "--session", taken).returncode == 4
    assert daemon.cli("fork", f"{sid}@9").returncode == 10
    assert len(site.versions(other)) == 1


def test_users_begin_with_what_is_theirs_and_hear_of_nobody_elses(daemon, site):
    sid, _place = project(daemon, site)
    daemon.ask("save", sid, "--user", "ann")
    name = f"start of {sid}"
    daemon.ask("--as", "ann", "template", "create", sid, name)
    made = daemon.ask("fork", sid, "--user", "bob")
    bobs = made["session"]

    for words in (
        ("fork", sid),
        ("revert", sid, "1"),
        ("template", "create", sid, "mine"),
        ("template", "new", name),
        ("template", "delete", name),
    ):
        assert daemon.cli("--as", "bob", *words, "--yes").returncode == 10
    assert daemon.ask("--as", "bob", "template", "list")["templates"] == []
    assert daemon.cli("--as", "bob", "fork", bobs, "--user", "ann").returncode == 12

    for words in (("log", bobs), ("show", f"{bobs}@1")):
        for who, origin in (("bob", None), ("", {"session": sid, "seq": 1})):
            told = daemon.ask(*(("--as", who) if who else ()), *words)
            version = told["version"] if words[0] == "show" else told["versions"][0]
            assert version["origin"] == origin
    assert sid not in daemon.cli("--as", "bob", "log", bobs, "--json").stdout

    daemon.ask("--as", "bob", "template", "create", bobs, name)
    begun = daemon.ask("--as", "bob", "template", "new", name)
    assert (begun["owner"], begun["origin_session"]) == ("bob", bobs)
    several = daemon.cli("template", "new", name)
    assert (several.returncode, "--as USER" in several.stderr) == (2, True)


def test_a_session_is_forked_as_it_is_now(daemon, site):
    sid, place = project(daemon, site)
    write(place, {"App.js": "a moment ago"})

    made = daemon.ask("fork", sid)

    assert daemon.cli("cat", made["session"], "App.js").stdout == "a moment ago"
    daemon.ask("pause", sid)
    write(place, {"App.js": "it cannot be recorded"})
    refused = daemon.cli("fork", sid)
    assert (refused.returncode, f"{sid}@" in refused.stderr) == (11, True)
    daemon.ask("resume", sid)


@pytest.mark.long
def test_a_check_finds_nothing_wrong_with_what_was_made_here(daemon, site):
    sid, place = project(daemon, site)
    write(place, {"App.js": "two"})
    daemon.ask("save", sid)
    made = daemon.ask("fork", sid)["session"]
    daemon.ask("revert", sid, "1", "--yes")
    daemon.ask("revert", sid, "2", "App.js", "--yes")

    for session in (sid, made):
        checked = daemon.cli("check", session, "--read-data")
        assert checked.returncode == 0, checked.stdout + checked.stderr
