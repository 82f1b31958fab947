import json

from expokeep.errors import BackendUnreachable
from expokeep.history.documents import Progress, SkippedPath
from expokeep.history.saved import Saved

ROUTE = "/v1/sessions/{session}/save"
FAR = Progress(done_bytes=1, total_bytes=2, phase="upload")


def saved(**more):
    told = {
        "session": "shop",
        "state": "recorded",
        "version": 8,
        "project_name": "My Shöp",
        "took_s": 0.25,
        "stored_bytes": 1536,
        "set_count": 2,
        "gone_count": 1,
    }
    return Saved(**{**told, **more})


def test_a_save_tells_its_version_and_the_project(run, asked):
    asked.answers[ROUTE] = [FAR, saved()]

    ended = run("save", "shop", "-m", "é", "--user", "alice", "--name", "My Shöp")

    assert ended.code == 0
    assert ended.out == (
        "My Shöp: saved as version 8 of shop "
        "(2 changed, 1 gone, 1.5 KB stored, 0.25 s)\n"
    )
    assert asked.body() == {
        "message": "é",
        "user": "alice",
        "name": "My Shöp",
        "force": False,
        "label": None,
        "pin": False,
    }
    assert asked.calls[-1].path == {"session": "shop"}


def test_nothing_new_is_said_and_is_no_error(run, asked):
    asked.answers[ROUTE] = [saved(state="unchanged", version=7, project_name=None)]

    ended = run("save", "shop")

    assert ended.code == 0
    assert ended.out == "nothing has changed since version 7 of shop\n"


def test_a_parked_version_says_why_it_is_not_the_newest(run, asked):
    asked.answers[ROUTE] = [saved(parked="it lost 9 of 10 files")]

    ended = run("save", "shop")

    assert ended.code == 4
    assert "version 8 is kept beside the newest one: it lost 9 of 10" in ended.err
    assert "expokeep accept" in ended.err


def test_what_was_left_out_is_named_and_is_code_3(run, asked):
    skipped = (SkippedPath(path="secret\x1b", reason="unreadable"),)
    asked.answers[ROUTE] = [saved(skipped=skipped)]

    ended = run("save", "shop")

    assert ended.code == 3
    assert "1 paths could not be kept, such as secret\\x1b" in ended.err


def test_lines_of_json_are_the_daemons(run, asked):
    asked.answers[ROUTE] = [FAR, saved()]

    far, done = [
        json.loads(line) for line in run("save", "shop", "--json").out.splitlines()
    ]

    assert (far["message_type"], far["done_bytes"]) == ("progress", 1)
    assert (done["message_type"], done["project_name"]) == ("saved", "My Shöp")


def test_a_failure_halfway_is_told_as_one(run, asked):
    asked.answers[ROUTE] = [FAR, BackendUnreachable("the bucket does not answer")]

    ended = run("save", "shop")

    assert ended.code == 17
    assert ended.err.startswith("expokeep: error: the bucket does not answer\nhint: ")


def test_an_answer_without_an_end_is_no_success(run, asked):
    asked.answers[ROUTE] = [FAR]

    assert run("save", "shop").code == 3


def test_quiet_says_nothing(run, asked):
    asked.answers[ROUTE] = [saved()]

    assert run("save", "shop", "--quiet").out == ""


def test_words_that_are_no_text_are_refused_before_anything_is_asked(run, asked):
    ended = run("save", "shop", "-m", "a\udcff")

    assert ended.code == 2
    assert not asked.calls
