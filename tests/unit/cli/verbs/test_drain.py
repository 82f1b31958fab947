import json

from expokeep.history.documents import Progress
from expokeep.history.operating import Drained


def drained(**more):
    told = {"done": True, "unsaved": 0, "pending": 0, "released": 3}
    return Drained(**{**told, **more})


def left(**more):
    return drained(done=False, pending=2, unsaved=1, released=0, **more)


def test_who_drained_may_go_on(run, asked):
    asked.answers["/v1/drain"] = [
        Progress(done_bytes=0, total_bytes=0, phase="4 left"),
        drained(),
    ]

    ended = run("drain", "--timeout", "5m")

    assert ended.code == 0
    assert ended.out == "all is recorded; other hosts may take over 3 sessions\n"
    assert ended.err == "4 left\n"
    assert asked.body() == {"timeout_s": 300.0}


def test_time_that_ran_out_is_no_drain(run, asked):
    asked.answers["/v1/drain"] = [left()]

    ended = run("drain")

    assert ended.code == 124
    assert "1 session not captured and 2 snapshots not recorded" in ended.err
    assert "Nothing is given away" in ended.err


def test_what_stands_in_the_way_is_named(run, asked):
    asked.answers["/v1/drain"] = [left(errors=("the bucket is gone",))]

    ended = run("drain")

    assert ended.code == 3
    assert "the bucket is gone" in ended.err


def test_the_documents_are_the_daemons(run, asked):
    asked.answers["/v1/drain"] = [left()]

    ended = run("drain", "--json")

    assert (json.loads(ended.out)["done"], ended.code) == (False, 124)


def test_an_answer_without_an_end_is_none(run, asked):
    asked.answers["/v1/drain"] = [Progress(done_bytes=0, total_bytes=0)]

    assert run("drain").code == 3
