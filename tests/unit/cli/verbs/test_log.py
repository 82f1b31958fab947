import json
import time
import uuid

import pytest

from answering import NOON, version
from expokeep.errors import UsageError
from expokeep.history.logged import CountsDocument
from expokeep.history.version_log import EpochDocument, VersionLog
from expokeep.model.documents import EndDocument, HeldDocument, WaitingDocument

ROUTE = "/v1/sessions/{session}/versions"


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def log(*versions, **more):
    return VersionLog(session="shop", head_seq=7, versions=versions, **more)


def test_the_newest_is_first_and_the_head_is_marked(run, asked, berlin):
    asked.answers[ROUTE] = log(
        version(8, parked="lost 9 of 10 files"),
        version(7, message="before\nthe redesign", author="alice"),
    )

    header, parked, head = run("log", "shop").out.splitlines()

    assert header.split() == ["VERSION", "TAKEN", "BY", "FILES", "SIZE", "MESSAGE"]
    assert parked.split()[0] == "8"
    assert parked.endswith("(parked: lost 9 of 10 files)")
    assert head.split()[0] == "7*"
    assert "2026-11-24 13:00:00+01:00  alice" in head
    assert head.endswith("before the redesign")


def waiting(**more):
    known = {"taken_at": NOON, "trigger": "auto", "parked": None}
    return WaitingDocument(pack=uuid.UUID(int=1), **{**known, **more})


def test_what_waits_here_stands_above_and_says_what_it_will_be(run, asked):
    asked.answers[ROUTE] = log(
        version(7),
        waiting=(
            waiting(becomes_head=False),
            waiting(becomes_head=True),
            waiting(becomes_head=False, parked="it lost 9 of 10 files"),
        ),
    )

    _, parked, newest, older, head = run("log", "shop").out.splitlines()

    assert [row.split()[0] for row in (parked, newest, older, head)] == [
        *("-", "-", "-", "7*")
    ]
    assert parked.endswith(
        "(only on this host yet) (will be parked: it lost 9 of 10 files)"
    )
    assert newest.endswith("(only on this host yet) (will be the newest)")
    assert older.endswith("(only on this host yet)")


def test_an_end_and_what_other_hosts_hold_are_told_in_words(run, asked, berlin):
    asked.answers[ROUTE] = log(
        version(8, trigger="final"),
        version(7),
        ended=(EndDocument(seq=7, at=NOON),),
        held_elsewhere=(
            HeldDocument(host="alpha", snapshots=1, since=NOON, is_alive=True),
        ),
    )

    ended = run("log", "shop")
    _, last, first = ended.out.splitlines()

    assert last.endswith("(the last before its directory was removed)")
    assert first.endswith("(its directory was removed at 2026-11-24 13:00:00+01:00)")
    assert ended.err == (
        "note: host alpha (alive) holds 1 unrecorded version of this session "
        "since 2026-11-24 13:00:00+01:00\n"
    )


def test_a_message_cannot_move_the_cursor(run, asked):
    asked.answers[ROUTE] = log(version(message="\x1b[2Jgone", author="a\x07"))

    assert "\x1b" not in run("log", "shop").out
    assert "\\x1b[2Jgone" in run("log", "shop").out


@pytest.mark.parametrize(
    ("since", "sent"),
    [
        ("2026-11-24T10:00", "2026-11-24T09:00:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
        ("2026-11-24T10:00+00:00", "2026-11-24T10:00+00:00"),
        ("2h", "2h"),
    ],
)
def test_a_time_is_the_callers(run, asked, berlin, since, sent):
    asked.answers[ROUTE] = log(version())

    run("log", "shop", "--since", since, "--limit", "5")

    assert asked.query() == {"since": [sent], "limit": ["5"]}


def test_more_are_told_of(run, asked):
    asked.answers[ROUTE] = log(version(), truncated=True)

    assert "--limit" in run("log", "shop").err


def test_the_document_is_the_daemons(run, asked):
    asked.answers[ROUTE] = log(version(message="é"))

    told = json.loads(run("log", "shop", "--json").out)

    assert told["message_type"] == "log"
    assert told["versions"][0]["message"] == "é"


def test_what_the_daemon_does_not_understand_is_a_usage_error(run, asked):
    asked.answers[ROUTE] = UsageError("'x' is no time")

    ended = run("log", "shop", "--since", "x")

    assert ended.code == 2
    assert ended.err.startswith("expokeep: error: 'x' is no time\nhint: ")


def test_a_word_that_cannot_be_sent_is_named(run, asked):
    ended = run("log", "a\udcff")

    assert ended.code == 2
    assert "not UTF-8" in ended.err
    assert not asked.calls


def test_labels_and_pins_stand_before_the_message(run, asked):
    asked.answers[ROUTE] = log(
        version(7, labels=("demo", "a\x1b"), is_pinned=True, message="done")
    )

    line = run("log", "shop", "--labels").out.splitlines()[-1]

    assert line.endswith("[demo] [a\\x1b] (pinned) done")
    assert asked.query() == {"limit": ["1000"], "labels": ["true"]}


def test_how_much_changed_is_told_in_signs(run, asked):
    counts = CountsDocument(added=2, modified=1, renamed=3, changed_bytes=2048)
    asked.answers[ROUTE] = log(
        version(7, counts=counts, message="more"), version(6, counts=CountsDocument())
    )

    header, changed, same = run("log", "shop", "--stat").out.splitlines()

    assert header.split()[-2:] == ["CHANGED", "MESSAGE"]
    assert "  +2 ~1 >3 (2.0 KB)  more" in changed
    assert same.endswith("= (0 B)")
    assert asked.query() == {"limit": ["1000"], "counts": ["true"]}


def test_the_lives_of_a_directory_stand_above_their_versions(run, asked, berlin):
    lives = [
        EpochDocument(
            number=number,
            host="web-1",
            started_at=NOON,
            ended_at=NOON if number == 1 else None,
            base_seq=None if number == 1 else 5,
            first_seq=1,
            last_seq=7,
            versions=number,
        )
        for number in (2, 1)
    ]
    asked.answers[ROUTE] = log(version(7, epoch=2), version(6), epochs=tuple(lives))

    rows = run("log", "shop", "--epochs").out.splitlines()[1:]

    assert [row.split()[0] for row in rows] == ["-", "7*", "-", "6"]
    assert rows[0].endswith(
        "(epoch 2, on web-1, until now, restored from 5, 2 versions)"
    )
    assert rows[2].endswith(
        "(epoch 1, on web-1, until 2026-11-24 13:00:00+01:00, 1 version)"
    )
    assert asked.query() == {"limit": ["1000"], "epochs": ["true"]}
