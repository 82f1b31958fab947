import json

from answering import NOON
from expokeep.history.operating import AuditDocument, AuditList


def act(**more):
    told = {
        "id": 1,
        "at": NOON,
        "host": "a",
        "uid": 1000,
        "user": "ann",
        "action": "POST /v1/sessions/{session}/delete",
        "subject": "shop",
        "session": "shop",
        "details": {"now": True},
        "ended_at": NOON,
        "exit_code": 0,
        "error": None,
    }
    return AuditDocument(**{**told, **more})


def test_an_act_is_a_row(run, asked):
    asked.answers["/v1/audit"] = AuditList(acts=(act(),))

    header, row = run("audit", "shop", "--since", "7d").out.splitlines()

    assert header.split() == [
        "WHEN",
        "HOST",
        "WHO",
        "ACTION",
        "SUBJECT",
        "ENDED",
        "DETAILS",
    ]
    assert "uid 1000 for ann  /v1/sessions/{session}/delete  shop" in row
    assert row.endswith('0      {"now": true}')
    assert asked.query()["since"] == ["7d"]


def test_what_never_ended_and_what_failed_can_be_told_apart(run, asked):
    asked.answers["/v1/audit"] = AuditList(
        acts=(
            act(ended_at=None, exit_code=None),
            act(exit_code=12, error="this is for operators"),
        )
    )

    _, lost, failed = run("audit").out.splitlines()

    assert " ?  " in lost
    assert "12 (this is for operators)" in failed


def test_that_there_are_more_is_said_on_the_side(run, asked):
    asked.answers["/v1/audit"] = AuditList(acts=(act(),), truncated=True)

    assert "There are more" in run("audit").err


def test_the_document_is_the_daemons(run, asked):
    asked.answers["/v1/audit"] = AuditList(acts=(act(),))

    assert json.loads(run("audit", "--json").out)["acts"][0]["user"] == "ann"
