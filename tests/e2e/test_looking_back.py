"""What an operator and a user ask of the past, as they type it."""

import hashlib
import os

from daemons import write

SETTINGS = "debounce: {quiet: 1m, max-wait: 10m}\n"
"""Versions are made when somebody asks for one, and never by themselves."""


def test_a_line_is_traced_through_saves_and_a_move(daemon, site):
    sid, place = site.session()
    body = "".join(f"line {number}\n" for number in range(8))
    write(place, {"App.js": body, "keep.js": "1"})
    daemon.ask("save", sid, "--user", "ann", "-m", "first light\nof many")
    (place / "src").mkdir()
    (place / "App.js").rename(place / "src/Main.js")
    (place / "src/Main.js").write_text(f"{body}the end\n")
    daemon.ask("save", sid, "--user", "bob")

    printed = daemon.cli("blame", sid, "src/Main.js").stdout.splitlines()

    assert len(printed) == 9
    assert "  ann  App.js  1  line 0" in printed[0]
    assert printed[0].split()[0] == "1"
    assert "  bob  " in printed[-1]
    assert printed[-1].endswith("9  the end")
    refused = daemon.cli("blame", sid, "src")
    assert (refused.returncode, "no file" in refused.stderr) == (2, True)
    told = daemon.ask("diff", f"{sid}@1", f"{sid}@2")["changes"]
    assert [(one["change"], one["path"]) for one in told] == [("R", "src/Main.js")]
    message = daemon.cli("show", f"{sid}@1").stdout
    assert "message  first light\n         of many\n" in message


def test_a_log_tells_labels_pins_changes_and_lives(daemon, site):
    sid, place = site.session()
    write(place, {"a.js": "1", "b.js": "2"})
    daemon.ask("save", sid)
    write(place, {"a.js": "11", "c.js": "3"})
    (place / "b.js").unlink()
    daemon.ask("save", sid)
    daemon.ask("label", f"{sid}@1", "before the demo")
    daemon.ask("pin", f"{sid}@2")

    printed = daemon.cli("log", sid, "--stat", "--epochs").stdout.splitlines()

    assert "(epoch 1, on " in printed[1]
    assert "+1 ~1 -1 (3 B)" in printed[2]
    assert printed[2].endswith("(pinned)")
    assert printed[3].endswith("[before the demo]")
    marked = daemon.ask("log", sid, "--labels", "--limit", "1")
    assert [one["seq"] for one in marked["versions"]] == [2]
    assert marked["truncated"]


def test_contents_are_found_by_their_owner_and_denied_to_others(daemon, site):
    contents = os.urandom(1000)
    digest = hashlib.sha256(contents).hexdigest()
    of = {}
    for user in ("u1", "u2"):
        of[user], place = site.session(user)
        write(place, {f"of-{user}.bin": contents if user == "u1" else b"other"})
        daemon.ask("save", of[user], "--user", user)

    def found(*words):
        done = daemon.cli(*words, "find", "--content-hash", digest)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"{of['u1']}" in found()
    assert "of-u1.bin" in found("--as", "u1")
    nobodys = daemon.cli("--as", "u2", "find", "--content-hash", "ab" * 32).stdout
    assert found("--as", "u2") == nobodys
    for words in (
        ("find", "--content-hash", digest, of["u1"]),
        ("blame", of["u1"], "of-u1.bin"),
        ("log", of["u1"], "--stat"),
    ):
        denied = daemon.cli("--as", "u2", *words)
        unknown = daemon.cli(
            "--as", "u2", *(word.replace(of["u1"], "nothing") for word in words)
        )
        assert denied.returncode == unknown.returncode == 10
        assert denied.stderr.replace(of["u1"], "nothing") == unknown.stderr


def test_without_the_daemon_the_same_is_answered(daemon, site):
    sid, place = site.session()
    write(place, {"a.js": "one\n"})
    daemon.ask("save", sid)
    digest = hashlib.sha256(b"one\n").hexdigest()

    for words in (
        ("blame", sid, "a.js"),
        ("find", "--content-hash", digest, sid),
    ):
        directly = daemon.cli("--direct", *words, "--json")
        assert directly.returncode == 0, directly.stderr
        assert directly.stdout == daemon.cli(*words, "--json").stdout
    alone = daemon.cli("--direct", "--from-bucket", "blame", sid, "a.js")
    assert (alone.returncode, "--from-bucket" in alone.stderr) == (2, True)
