import json

import pytest

from answering import NOON
from expokeep.errors import AccessDenied
from expokeep.history.documents import Paused


def test_one_session_is_held_back_for_a_while(run, asked):
    asked.answers["/v1/pause"] = Paused(
        everything=False, sessions=("shop",), until=NOON
    )

    ended = run("pause", "shop", "--for", "10m")

    assert ended.code == 0
    assert ended.out.startswith("held back: shop until 2026-11-2")
    assert asked.body() == {"session": "shop", "for_s": 600.0}


def test_all_sessions_are_held_back(run, asked):
    asked.answers["/v1/pause"] = Paused(everything=True, sessions=())

    assert run("pause", "--all").out == "held back: all sessions\n"
    assert asked.body() == {"session": None, "for_s": None}


@pytest.mark.parametrize("words", [(), ("shop", "--all"), ("shop", "--for", "soon")])
def test_words_that_mean_nothing_are_refused(run, asked, words):
    assert run("pause", *words).code == 2
    assert not asked.calls


def test_the_document_is_the_daemons(run, asked):
    asked.answers["/v1/pause"] = Paused(everything=True, sessions=())

    told = json.loads(run("pause", "--all", "--json").out)

    assert (told["message_type"], told["everything"]) == ("paused", True)


def test_who_may_not_is_told_what_to_become(run, asked):
    error = AccessDenied("this is for operators")
    error.hint = "Become root."
    asked.answers["/v1/pause"] = error

    ended = run("pause", "--all")

    assert ended.code == 12
    assert "hint: Become root." in ended.err
