import json

import pytest

from answering import NOON
from expokeep.history.documents import SessionDocument, SessionList
from expokeep.retention.documents import DeletedDocument, DeletedList

ROUTE = "/v1/sessions"


def session(name="shop", **more):
    told = {
        "session": name,
        "owner": None,
        "project_name": None,
        "host": "here",
        "last_seq": 7,
        "head_seq": 7,
        "file_count": 3,
        "size_bytes": 1536,
        "created_at": NOON,
        "saved_at": NOON,
        "accessed_at": NOON,
        "parked_count": 0,
    }
    return SessionDocument(**{**told, **more})


def test_sessions_are_listed(run, asked):
    asked.answers[ROUTE] = SessionList(
        sessions=(session(owner="alice", project_name="My\nShöp"), session("new"))
    )

    ended = run("sessions")

    assert ended.code == 0
    header, shop, new = ended.out.splitlines()
    assert header.split()[:3] == ["SESSION", "PROJECT", "OWNER"]
    assert shop.startswith("shop     My Shöp  alice  7     3      1.5 KB")
    assert new.split()[1:3] == ["-", "-"]


def test_what_was_never_saved_says_so(run, asked):
    asked.answers[ROUTE] = SessionList(
        sessions=(session(saved_at=None, head_seq=None),)
    )

    assert run("sessions").out.rstrip().endswith("never")


def test_more_than_are_shown_are_told_of_on_stderr(run, asked):
    asked.answers[ROUTE] = SessionList(sessions=(session(),), truncated=True)

    assert "--all" in run("sessions").err
    assert run("sessions", "--quiet").err == ""
    assert json.loads(run("sessions", "--json").out)["truncated"] is True


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ((), {"limit": ["1000"], "sort": ["age"]}),
        (("--all",), {"limit": ["100000"], "sort": ["age"]}),
        (("sh", "--limit", "3"), {"prefix": ["sh"], "limit": ["3"], "sort": ["age"]}),
        (
            ("--user", "alice", "--sort", "size"),
            {"user": ["alice"], "limit": ["1000"], "sort": ["size"]},
        ),
    ],
)
def test_what_is_wanted_is_asked_for(run, asked, words, query):
    asked.answers[ROUTE] = SessionList(sessions=())

    run("sessions", *words)

    assert asked.query() == query


def test_deleted_ones_are_listed_on_request(run, asked):
    asked.answers["/v1/deleted"] = DeletedList(
        sessions=(
            DeletedDocument(
                session="shop",
                owner=None,
                project_name="Shop",
                deleted_at=NOON,
                expired=True,
                gone_at=NOON,
                versions=3,
                size_bytes=2048,
            ),
        ),
        truncated=False,
    )

    ended = run("sessions", "--deleted")

    assert "expired" in ended.out
    assert "2.0 KB" in ended.out
