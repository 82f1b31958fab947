import json

import pytest

from expokeep.history.documents import Flushed, Progress

ROUTE = "/v1/flush"


def flushed(**more):
    return Flushed(**{"sessions": ("shop",), "pending": 0, **more})


@pytest.mark.parametrize("words", [(), ("shop", "--all")])
def test_one_session_or_all_of_them(run, asked, words):
    assert run("flush", *words).code == 2
    assert not asked.calls


def test_all_is_recorded_once_it_was_waited_for(run, asked):
    asked.answers[ROUTE] = [
        Progress(done_bytes=0, total_bytes=0, phase="1 left"),
        flushed(waited=True),
    ]

    ended = run("flush", "--all", "--wait")

    assert (ended.code, ended.out) == (0, "all is recorded\n")
    assert asked.body() == {"session": None, "wait": True, "timeout_s": 30.0}


def test_without_waiting_it_is_under_way(run, asked):
    asked.answers[ROUTE] = [flushed(pending=3)]

    ended = run("flush", "shop", "--timeout", "2m")

    assert (ended.code, ended.out) == (0, "under way\n")
    assert asked.body() == {"session": "shop", "wait": False, "timeout_s": 120.0}


def test_what_is_left_when_time_runs_out_is_no_success(run, asked):
    asked.answers[ROUTE] = [flushed(pending=3, unsaved=1, waited=True)]

    ended = run("flush", "--all", "--wait", "--json")

    assert ended.code == 124
    assert json.loads(ended.out)["pending"] == 3
    told = json.loads(ended.err)
    assert told["error"] == "1 session not captured and 3 snapshots not recorded yet"
