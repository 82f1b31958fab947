import json

import pytest

from answering import NOON
from expokeep.errors import NotFound
from expokeep.model.event import Event, Heartbeat


def event(number=7, **more):
    told = {
        "number": number,
        "at": NOON,
        "kind": "version.created",
        "session": "shop",
        "details": {"seq": 3, "parked": None, "trigger": "auto"},
    }
    return Event(**{**told, **more})


def test_what_happened_is_a_line_each(run, asked):
    asked.answers["/v1/events"] = [event(), Heartbeat(number=7)]

    (line,) = run("events").out.splitlines()

    assert line.endswith("version.created     shop  seq=3 trigger=auto")


def test_what_is_wanted_is_asked_for(run, asked):
    asked.answers["/v1/events"] = [Heartbeat(number=7)]

    run("events", "shop", "-f", "--since", "15m", "--after", "6")

    assert asked.query() == {
        "session": ["shop"],
        "follow": ["1"],
        "since": ["15m"],
        "after": ["6"],
    }


def test_heartbeats_are_in_the_documents_and_not_in_the_text(run, asked):
    asked.answers["/v1/events"] = [event(), Heartbeat(number=7)]

    told = [json.loads(line) for line in run("events", "--json").out.splitlines()]

    assert [one["message_type"] for one in told] == ["event", "heartbeat"]


def test_words_of_others_cannot_harm_a_terminal(run, asked):
    strange = event(session=None, details={"why": "\x1b[31m red\nline"})
    asked.answers["/v1/events"] = [strange]

    assert "-  why=\\x1b[31m red line" in run("events").out


def test_a_session_of_another_is_unknown(run, asked):
    asked.answers["/v1/events"] = NotFound("no session shop")

    assert run("events", "shop").code == 10


@pytest.mark.parametrize("words", [("--after", "x"), ("a", "b")])
def test_words_that_mean_nothing_are_refused(run, asked, words):
    assert run("events", *words).code == 2
    assert not asked.calls
