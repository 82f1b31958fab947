import json

from expokeep.history.documents import Check, Doctor

GOOD = Check(name="bucket", state="ok", detail="it answers")
SOSO = Check(name="clock", state="warning", detail="6 s off", hint="Use NTP.")
BAD = Check(name="disk", state="error", detail="0 B free", hint="Make room.")


def test_what_is_well_is_code_0(run, asked):
    asked.answers["/v1/doctor"] = Doctor(checks=(GOOD, SOSO))

    ended = run("doctor")

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "ok       bucket: it answers",
        "warning  clock: 6 s off",
        "         Use NTP.",
    ]


def test_what_is_wrong_is_named_and_is_code_1(run, asked):
    asked.answers["/v1/doctor"] = Doctor(checks=(GOOD, BAD))

    ended = run("doctor")

    assert ended.code == 1
    assert "ERROR    disk: 0 B free\n         Make room.\n" in ended.out
    assert "disk" in ended.err


def test_the_document_is_printed_whatever_is_wrong(run, asked):
    asked.answers["/v1/doctor"] = Doctor(checks=(BAD,))

    ended = run("doctor", "--json")

    assert ended.code == 1
    assert json.loads(ended.out)["checks"][0]["state"] == "error"
