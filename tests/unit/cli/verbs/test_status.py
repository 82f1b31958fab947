import datetime
import json

import pytest

from answering import NOON, session_status, status
from expokeep import clock
from expokeep.history.documents import SkippedPath, SpoolStatus, WatchStatus
from expokeep.history.spool_status import EarlyStatus
from expokeep.model.documents import HeldDocument
from expokeep.model.proof import ProofDocument


def ago(**age):
    return clock.now() - datetime.timedelta(**age)


def test_all_is_well_on_one_screen(run, asked):
    asked.answers["/v1/status"] = status(session_status(last_saved_at=ago(minutes=5)))

    ended = run("status")

    assert ended.code == 0
    assert ended.out.splitlines()[:4] == [
        "state           ok",
        "oldest unsaved  nothing",
        "in the spool    nothing",
        "watching        1 session, 3 directories",
    ]
    assert ended.out.splitlines()[-1].split()[:5] == [
        "shop",
        "idle",
        "7",
        "5m00s",
        "ago",
    ]


def test_a_session_is_not_called_never_saved_while_nobody_knows(run, asked):
    one = session_status(last_seq=None, last_saved_at=None)
    asked.answers["/v1/status"] = status(one)
    known = run("status").out.splitlines()[-1].split()
    asked.answers["/v1/status"] = status(one, catalog_error="it is away")

    unknown = run("status").out.splitlines()[-1].split()

    assert known[:4] == ["shop", "idle", "-", "never"]
    assert unknown[:4] == ["shop", "idle", "?", "?"]


def test_who_is_not_told_what_is_watched_does_not_read_that_nothing_is(run, asked):
    nothing = WatchStatus(sessions=0, watches=0)
    asked.answers["/v1/status"] = status(session_status(), watch=nothing)

    assert "watching" not in run("status").out


def test_the_last_check_and_the_last_drill_are_shown(run, asked):
    proved = {"ended_at": ago(hours=3), "host": "one"}
    asked.answers["/v1/status"] = status(
        proofs=(
            ProofDocument(kind="check", is_well=True, detail="5 versions", **proved),
            ProofDocument(kind="drill", is_well=False, detail="shop@7: no", **proved),
        )
    )

    lines = run("status").out.splitlines()

    assert "last check      ok, 3h00m ago (5 versions)" in lines
    assert "last drill      DAMAGE, 3h00m ago (shop@7: no)" in lines


def test_what_is_parked_or_elsewhere_is_noted(run, asked):
    held = HeldDocument(host="alpha", snapshots=2, since=NOON, is_alive=False)
    asked.answers["/v1/status"] = status(
        session_status(parked_count=1, held_elsewhere=(held,))
    )

    row = run("status").out.splitlines()[-1]

    assert "host alpha (not heard of lately) holds 2 unrecorded versions" in row
    assert row.endswith("; 1 version parked")


def test_what_is_wrong_is_said_in_words(run, asked):
    asked.answers["/v1/status"] = status(
        state="degraded",
        oldest_unsaved_at=ago(hours=2, minutes=3, seconds=10),
        spool=SpoolStatus(
            entries=2,
            size_bytes=3 << 20,
            oldest_at=NOON,
            early=EarlyStatus(captured=90, dropped=2),
        ),
        watch=WatchStatus(
            sessions=2,
            watches=9,
            degraded=("/tmp/expo-a: no watch left",),
            invalid_names=("/tmp/expo-\x1b[2J",),
        ),
        store_error="the bucket\ndoes not answer",
        catalog_error="Postgres does not answer",
    )

    told = run("status").out

    assert "oldest unsaved  2h03m\n" in told
    assert "in the spool    2 snapshots, 3.0 MB\n" in told
    assert "not taken early 2 files, left to their next snapshot\n" in told
    assert "uploads fail    the bucket does not answer\n" in told
    assert "catalog fails   Postgres does not answer\n" in told
    assert "polled          /tmp/expo-a: no watch left\n" in told
    assert "no session      /tmp/expo-\\x1b[2J\n" in told


def test_trouble_comes_first_and_then_the_longest_unsaved(run, asked):
    asked.answers["/v1/status"] = status(
        session_status("a-idle"),
        session_status("b-new", unsaved_since=ago(seconds=3)),
        session_status("c-old", unsaved_since=ago(hours=3)),
        session_status("d-failing", last_error="disk full"),
        session_status("e-held", state="paused"),
    )

    rows = run("status").out.splitlines()[-5:]

    names = [row.split()[0] for row in rows]
    assert names == ["d-failing", "c-old", "b-new", "a-idle", "e-held"]
    assert rows[0].endswith("disk full")


def test_a_thousand_sessions_still_fit_a_screen(run, asked):
    many = [session_status(f"s{number:04}") for number in range(1000)]
    asked.answers["/v1/status"] = status(*many)

    short, all_of_them = run("status"), run("status", "--all")

    assert len(short.out.splitlines()) < 50
    assert "There are 960 more" in short.err
    assert len(all_of_them.out.splitlines()) > 1000
    assert all_of_them.err == ""


def test_documents_leave_nothing_out(run, asked):
    many = [session_status(f"s{number:04}") for number in range(1000)]
    asked.answers["/v1/status"] = status(*many)

    assert len(json.loads(run("status", "--json").out)["sessions"]) == 1000


def test_what_could_not_be_kept_is_named(run, asked):
    skipped = (SkippedPath(path="a\\xff\x1b", reason="unreadable"),)
    asked.answers["/v1/status"] = status(session_status(skipped=skipped))

    assert "1 left out: a\\xff\\x1b (unreadable)" in run("status").out


def test_what_is_held_back_is_counted(run, asked):
    asked.answers["/v1/status"] = status(session_status(state="paused"))

    assert "held back       1 session\n" in run("status").out


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_session_that_is_not_there_is_no_good_news(run, asked, words):
    asked.answers["/v1/status"] = status(session_status("shop-42"))

    assert run("status", "shop", *words).code == 0
    ended = run("status", "shop", "other", *words)
    assert ended.code == 10
    assert "no session other" in ended.err
    assert asked.query() == {"session": ["shop", "other"]}


def test_a_spool_that_is_full_is_told_with_who_is_not_captured(run, asked):
    asked.answers["/v1/status"] = status(
        session_status(refused_since=ago(minutes=2), last_error="the spool is full"),
        state="degraded",
        spool=SpoolStatus(
            entries=3,
            size_bytes=10,
            oldest_at=NOON,
            state="full",
            state_since=ago(minutes=3),
            used_bytes=6 << 30,
            max_bytes=5 << 30,
            free_bytes=0,
            min_free_bytes=1 << 30,
            refused=1,
        ),
    )

    lines = run("status").out.splitlines()

    (told,) = [line for line in lines if line.startswith("spool ")]
    assert told.split()[:3] == ["spool", "full", "for"]
    assert "6.0 GB of 5.0 GB" in told
    assert "not captured    1 session" in lines
    assert "not captured for 2m" in lines[-1]
