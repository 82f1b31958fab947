"""Restores from the command line: what they say, and how they end."""

import json
import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from expokeep.catalog.values import HeldElsewhere
from expokeep.model.names import SessionId
from expokeep.restore.source import About
from offering import NOON


@pytest.fixture
def target(tmp_path):
    return tmp_path / "expo-shop"


def test_a_version_is_brought_back_and_told_of_on_one_line(run, daemon, target):
    ended = run("restore", "shop@7", "--to", target)

    assert ended.code == 0
    assert (target / "src/Button.js").read_bytes() == b"// press\n"
    assert ended.out.startswith("shop@7 of ")
    assert str(target) in ended.out
    assert ended.err == ""


def test_the_daemon_learns_of_the_directory(run, daemon, target):
    run("restore", "shop", "--to", target)

    (told,) = daemon.arrivals
    found = target.stat()
    assert (told["session"], told["seq"]) == ("shop", 7)
    assert (told["device"], told["inode"]) == (found.st_dev, found.st_ino)


def test_the_daemon_learns_how_it_ended(run, daemon, target):
    run("restore", "shop", "--to", target)

    (told,) = daemon.endings
    assert told["outcome"] == "restored"
    assert told["size_bytes"] > 0
    assert 0 <= told["took_s"] < 600


def test_the_daemon_does_not_hear_of_what_was_only_planned_or_refused(
    run, daemon, target
):
    assert run("restore", "shop", "--to", target, "--dry-run").code == 0
    target.mkdir()
    (target / "mine").write_text("x")
    assert run("restore", "shop", "--to", target).code == 4
    assert run("restore", "shop", "--to", target, "--if-missing").code == 0

    assert not daemon.endings


def test_without_a_target_it_goes_home(run, daemon, target):
    daemon.home = target

    assert run("restore", "shop").code == 0
    assert (target / "App.js").exists()


def test_without_a_target_and_a_home_it_asks_for_one(run, daemon):
    ended = run("restore", "shop")

    assert ended.code != 0
    assert "--to" in ended.err


def test_a_target_in_use_is_refused_and_the_hint_says_how(run, daemon, target):
    target.mkdir()
    (target / "mine").write_text("x")

    ended = run("restore", "shop", "--to", target)

    assert ended.code == 4
    assert "--if-missing" in ended.err
    assert "--swap" in ended.err
    assert [one.name for one in target.iterdir()] == ["mine"]


def test_a_target_in_use_is_left_alone_if_asked(run, daemon, target):
    target.mkdir()
    (target / "mine").write_text("x")

    ended = run("restore", "shop", "--to", target, "--if-missing")

    assert ended.code == 0
    assert [one.name for one in target.iterdir()] == ["mine"]


@pytest.mark.parametrize("session", ["shop", "other"])
def test_a_target_in_use_needs_no_daemon_to_be_left_alone(run, target, session):
    target.mkdir()
    (target / "mine").write_text("x")
    nobody = target / "none.sock"

    ended = run(
        *("restore", session, "--to", target, "--if-missing"),
        *("--socket", nobody, "--json"),
    )

    told = json.loads(ended.out)
    assert ended.code == 0
    assert (told["action"], told["session"], told["version"]) == (
        "nothing",
        session,
        None,
    )


def test_a_home_in_use_of_which_nothing_was_kept_is_left_alone(run, daemon, target):
    target.mkdir()
    daemon.homes = {"other": target}
    missing = run("restore", "other", "--if-missing")
    (target / "mine").write_text("x")

    in_use = run("restore", "other", "--if-missing")
    refused = run("restore", "other")

    assert (missing.code, in_use.code, refused.code) == (10, 0, 10)
    assert "is in use" in in_use.out


def test_a_home_in_use_needs_no_version_to_be_left_alone(run, daemon, target):
    target.mkdir()
    (target / "mine").write_text("x")
    daemon.homes = {"shop": target}

    ended = run("restore", "shop", "--if-missing")

    # To be offered one takes Postgres, which may be away: who has his files may start.
    assert (ended.code, daemon.asked) == (0, [])
    assert [one.name for one in target.iterdir()] == ["mine"]


def test_a_swap_keeps_what_was_there(run, daemon, target):
    target.mkdir()
    (target / "mine").write_text("x")

    ended = run("restore", "shop", "--to", target, "--swap", "--json")

    assert ended.code == 0
    result = json.loads(ended.out.splitlines()[-1])
    assert result["action"] == "swap"
    assert (Path(result["replaced"]) / "mine").read_text() == "x"


def test_nothing_kept_is_code_10_and_0_if_asked(run, daemon, target):
    assert run("restore", "other", "--to", target).code == 10
    assert run("restore", "other", "--to", target, "--if-exists").code == 0
    part = ("restore", "other", "--to", target, "--if-exists", "--path", "src")
    assert run(*part).code == 0
    assert not target.exists()


def test_a_glob_that_fits_nothing_is_never_taken_for_nothing_kept(run, daemon, target):
    part = ("restore", "shop", "--to", target, "--if-exists", "--path", "nowhere")

    assert run(*part).code == 10


def test_a_dry_run_touches_nothing(run, daemon, target):
    ended = run("restore", "shop", "--to", target, "--dry-run")

    assert ended.code == 0
    assert "would be restored" in ended.out
    assert not target.exists()
    assert not daemon.arrivals


def test_only_a_part_is_brought_back(run, daemon, target):
    assert run("restore", "shop", "--to", target, "--path", "src").code == 0
    assert [one.name for one in target.iterdir()] == ["src"]


def test_what_is_only_on_this_host_is_told_in_plain_words(run, daemon, target):
    daemon.about = About(unrecorded=True)

    ended = run("restore", "shop", "--to", target)

    assert ended.out.startswith("shop, including changes of ")
    assert "that are only on this host yet, restored to" in ended.out
    (told,) = daemon.arrivals
    assert (told["seq"], told["pack"]) == (0, "00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize("said", ["final", "ended"])
def test_a_directory_that_was_removed_after_a_version_is_told_of(
    run, daemon, target, said
):
    daemon.trigger = "final" if said == "final" else "auto"
    daemon.about = About(ended_at=NOON if said == "ended" else None)

    ended = run("restore", "shop", "--to", target)

    assert ", as it was before its directory was removed, restored to" in ended.out


def test_what_is_not_in_it_is_a_note_and_no_failure(run, daemon, target):
    held = HeldElsewhere(SessionId("shop"), "alpha", 3, NOON, is_alive=False)
    daemon.about = About(parked_newer=2, held_elsewhere=(held,))

    ended = run("restore", "shop", "--to", target)
    quiet = run("restore", "shop", "--to", target.with_name("b"), "-q")
    told = run("restore", "shop", "--to", target.with_name("c"), "--json")

    assert ended.code == 0
    parked, elsewhere = ended.err.splitlines()
    assert parked == "note: 2 newer versions are parked: `expokeep log shop`"
    assert elsewhere.startswith(
        "note: host alpha (not heard of lately) holds 3 unrecorded versions of this "
        "session since 2026-11-24"
    )
    assert quiet.err == ""
    result = json.loads(told.out.splitlines()[-1])
    assert (result["unrecorded"], result["parked_newer"]) == (False, 2)
    assert result["held_elsewhere"][0]["host"] == "alpha"


def test_what_is_made_while_a_restore_is_under_way_stays(run, daemon, target):
    daemon.on_arrival = lambda: (target.mkdir(), (target / "mine").write_text("x"))

    left = run("restore", "shop", "--to", target, "--if-missing")

    assert (left.code, [one.name for one in target.iterdir()]) == (0, ["mine"])
    assert "is in use" in left.out


def test_an_empty_directory_counts_as_missing(run, daemon, target):
    target.mkdir()

    ended = run("restore", "shop", "--to", target, "--if-missing")

    assert ended.code == 0
    assert (target / "App.js").exists()


def test_a_removal_that_is_under_way_is_waited_for(run, daemon, target):
    for number in range(40):
        (target / f"{number}").mkdir(parents=True)
    removing = threading.Thread(target=slowly_removed, args=(target,))
    removing.start()

    ended = run("restore", "shop", "--to", target, "--if-missing")
    removing.join()

    assert (ended.code, (target / "App.js").read_text()) == (0, "hi\n")


def slowly_removed(target):
    pace = threading.Event()
    for directory in target.iterdir():
        directory.rmdir()
        pace.wait(0.04)
    target.rmdir()


def test_progress_and_the_result_are_lines_of_json(run, daemon, target):
    ended = run("restore", "shop", "--to", target, "--json")

    *progress, result = [json.loads(line) for line in ended.out.splitlines()]
    assert {one["message_type"] for one in progress} == {"progress"}
    assert progress[-1]["done_bytes"] == progress[-1]["total_bytes"] == 12
    assert result["message_type"] == "restored"
    assert (result["session"], result["version"]) == ("shop", 7)
    assert (result["file_count"], result["fetched_bytes"]) == (2, 12)


def test_damaged_bytes_leave_nothing_behind(run, daemon, target):
    daemon.damage = b"no\n"
    daemon.files = {b"App.js": b"hi\n"}

    ended = run("restore", "shop", "--to", target)

    assert ended.code == 15
    assert daemon.endings == [{"outcome": "failed"}]
    assert list(target.parent.iterdir()) == []


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_time_is_the_callers_sent_in_utc_and_told(run, berlin, daemon, target):
    ended = run("restore", "shop@2026-07-24T10:00", "--to", target)

    assert daemon.asked == ["shop@2026-07-24T08:00:00+00:00"]
    assert ended.err == "2026-07-24T10:00 is 2026-07-24T08:00:00Z\n"


def test_a_time_with_its_zone_is_sent_as_it_is(run, berlin, daemon, target):
    ended = run("restore", "shop@2026-07-24T10:00+05:30", "--to", target)

    assert daemon.asked == ["shop@2026-07-24T10:00+05:30"]
    assert ended.err == ""


def on_a_terminal(answer, *words):
    """Run `expokeep` as a person at a terminal does, and answer its question."""
    person, terminal = pty.openpty()
    with subprocess.Popen(
        [Path(sys.executable).with_name("expokeep"), *map(str, words)],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        os.write(person, answer.encode())
        process.communicate(timeout=20)
        os.close(person)
    return process.returncode


@pytest.mark.parametrize(
    ("answer", "option", "ends"),
    [
        ("n\n", "--swap", (4, "mine")),
        ("y\n", "--swap", (0, "App.js")),
        ("", "--yes", (0, "App.js")),
        ("", "--dry-run", (0, "mine")),
    ],
)
def test_a_person_is_asked_before_a_swap(daemon, target, answer, option, ends):
    target.mkdir()
    (target / "mine").write_text("x")

    words = ("restore", "shop", "--to", target, "--swap", option)
    code = on_a_terminal(answer, *words)

    assert (code, next(target.glob("[Am]*")).name) == ends
    assert len(daemon.asked) == 1
