import datetime
import json

import pytest

from expokeep.accounting.documents import (
    DayStats,
    SessionStats,
    SharedStats,
    Stats,
    UserStats,
)

MB = 1 << 20
SUMS = {
    "versions": 30,
    "head_bytes": 5 * MB,
    "logical_bytes": 20 * MB,
    "stored_bytes": MB,
    "saves": 7,
    "restores": 2,
}


def stats(**more):
    told = {
        "sessions": 3,
        "deleted_sessions": 1,
        **SUMS,
        "contents": 9,
        "distinct_bytes": 4 * MB,
        "objects": 12,
        "going_bytes": MB // 2,
        "dedup_ratio": 5.0,
        "compression_ratio": 4.0,
        "total_ratio": 20.0,
        "active_sessions": 4,
        "restored_sessions": 1,
        "restoration_rate": 0.5,
        "counted_since": datetime.date(2026, 11, 1),
        "most_shared": (
            SharedStats(session="shop", user="ann\x1b", shares=2, imports=5),
        ),
    }
    return Stats(**{**told, **more})


def test_sums_are_told_in_plain_words(run, asked):
    asked.answers["/v1/stats"] = stats()

    out = run("stats").out

    assert "builds        3, and 1 that can be undeleted" in out
    assert "as copies   20.0 MB" in out
    assert "distinct      4.0 MB in 9 contents, 5.0x less by deduplication" in out
    assert "stored        1.0 MB in 12 objects, 4.0x less by compression" in out
    assert "of which 512.0 KB are on their way out" in out
    assert "all in all  20.0x" in out
    assert "saves         7 since 2026-11-01" in out
    assert "restores      2 of 1 builds, 0.50 for each of 4" in out
    assert "shared        shop (ann\\x1b): 5 imports" in out
    assert asked.query() == {"limit": ["1000"]}


def test_where_there_is_nothing_nothing_is_divided(run, asked):
    asked.answers["/v1/stats"] = stats(
        dedup_ratio=None,
        compression_ratio=None,
        total_ratio=None,
        restoration_rate=None,
        counted_since=None,
        most_shared=(),
    )

    ended = run("stats")

    assert ended.code == 0
    assert "restores" not in ended.out


def test_users_are_told_one_by_one(run, asked):
    of = {"sessions": 2, **SUMS, "saves_per_day": 3.5}
    asked.answers["/v1/stats"] = stats(
        users=(UserStats(user="ann", **of), UserStats(user=None, **of)), truncated=True
    )

    ended = run("stats", "--by", "user", "--logical", "--limit", "2")

    header, ann, nobody = ended.out.splitlines()
    assert header.split()[:3] == ["USER", "BUILDS", "VERSIONS"]
    assert ann.split() == (
        ["ann", "2", "30", "5.0", "MB", "20.0", "MB", "1.0", "MB", "7", "3.5", "2"]
    )
    assert nobody.split()[0] == "-"
    assert "--limit" in ended.err
    assert asked.query() == {"by": ["user"], "logical": ["true"], "limit": ["2"]}


def test_sessions_and_days_are_told_one_by_one(run, asked):
    asked.answers["/v1/stats"] = stats(
        by_session=(SessionStats(session="shop", user=None, is_deleted=True, **SUMS),)
    )
    assert "shop (deleted)" in run("stats", "--by", "session").out

    one = DayStats(
        day=datetime.date(2026, 11, 24),
        users=1,
        sessions=2,
        saves=3,
        restores=4,
        class_a=5,
        class_b=6,
        sent_bytes=7,
        received_bytes=8,
        stored_bytes=None,
    )
    asked.answers["/v1/stats"] = stats(days=(one,))
    line = run("stats", "--by", "day").out.splitlines()[-1]
    assert line.split() == (
        ["2026-11-24", "1", "2", "3", "4", "5", "6", "7", "B", "8", "B", "-"]
    )


def test_the_document_is_the_daemons(run, asked):
    asked.answers["/v1/stats"] = stats()

    assert json.loads(run("stats", "--json").out)["dedup_ratio"] == 5.0


@pytest.mark.parametrize("words", [["--by", "host"], ["--limit", "0"]])
def test_words_that_mean_nothing_are_refused(run, asked, words):
    assert run("stats", *words).code == 2
    assert not asked.calls
