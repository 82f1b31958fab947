"""Restores from the command line: what they say, and how they end."""

import json
import time
from pathlib import Path

import pytest


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
    assert not target.exists()


def test_a_dry_run_touches_nothing(run, daemon, target):
    ended = run("restore", "shop", "--to", target, "--dry-run")

    assert ended.code == 0
    assert "would be restored" in ended.out
    assert not target.exists()
    assert not daemon.arrivals


def test_only_a_part_is_brought_back(run, daemon, target):
    assert run("restore", "shop", "--to", target, "--path", "src").code == 0
    assert [one.name for one in target.iterdir()] == ["src"]


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
    assert list(target.parent.iterdir()) == []


def test_a_time_is_sent_in_utc(run, daemon, target, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()

    run("restore", "shop@2026-11-24T10:00", "--to", target)

    monkeypatch.undo()
    time.tzset()
    assert daemon.asked == ["shop@2026-11-24T09:00:00+00:00"]
