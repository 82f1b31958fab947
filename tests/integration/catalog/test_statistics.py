"""Sums over all that is kept."""

import datetime

import psycopg
import pytest

from cataloging import HOST, Scribe, a_file
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.statistics import PostgresStatistics
from expokeep.catalog.usage import Done, PostgresUsage, Requests


@pytest.fixture
def statistics(catalog):
    return PostgresStatistics(catalog.database)


def execute(dsn, statement, *values):
    with psycopg.connect(dsn, options="-csearch_path=expokeep") as connection:
        connection.execute(statement, values)


def test_an_empty_catalog_has_sums_too(statistics):
    total = statistics.total()

    assert (total.sessions, total.versions, total.stored_bytes) == (0, 0, 0)
    assert total.counted_since is None
    assert statistics.by_user(10, logical=False) == []
    assert statistics.by_day(10) == []
    assert statistics.most_shared(10) == []
    assert statistics.first_day() is None


def test_copies_distinct_contents_and_stored_bytes_are_told_apart(
    statistics, catalog, catalog_url
):
    one, other = Scribe(catalog), Scribe(catalog, session="other", inode=2)
    one.record({b"a": a_file(b"common"), b"b": a_file(b"1")})
    one.record({b"a": a_file(b"common"), b"b": a_file(b"22")})
    other.record({b"a": a_file(b"common")})
    catalog.describe("shop", owner="ann")
    execute(
        catalog_url,
        "UPDATE pack SET state = 'retired' WHERE session ="
        " (SELECT id FROM session WHERE sid = 'other')",
    )

    total = statistics.total()

    assert (total.sessions, total.versions, total.contents) == (2, 3, 3)
    assert total.head_bytes == 8 + 6
    assert total.logical_bytes == 7 + 8 + 6
    assert total.distinct_bytes == 6 + 1 + 2
    assert (total.objects, total.stored_bytes, total.going_bytes) == (3, 12288, 4096)
    ann, nobody = statistics.by_user(10, logical=False)
    assert (ann.user, ann.stored_bytes, ann.head_bytes) == ("ann", 8192, 8)
    assert (nobody.user, nobody.stored_bytes, nobody.versions) == (None, 4096, 1)
    assert [one.session for one in statistics.by_session(10, logical=True)] == [
        *("shop", "other")
    ]


def test_what_is_deleted_takes_room_until_it_is_gone(statistics, catalog):
    Scribe(catalog).record({b"a": a_file(b"1")})
    PostgresDeleting(catalog.database).delete("shop")

    total = statistics.total()
    (session,) = statistics.by_session(10, logical=False)

    assert (total.sessions, total.deleted_sessions) == (0, 1)
    assert (total.head_bytes, total.logical_bytes, total.stored_bytes) == (0, 1, 4096)
    assert session.is_deleted


def test_saves_a_day_are_of_all_days_since_the_first(statistics, catalog, catalog_url):
    Scribe(catalog).record({b"a": a_file(b"1")})
    usage = PostgresUsage(catalog.database)
    usage.add(HOST, Requests(class_a=2), {"shop": Done(saves=8, restores=1)})
    for table in ("activity_day", "usage_day"):
        execute(catalog_url, f"UPDATE {table} SET day = day - 4")
    usage.add(HOST, Requests(class_b=3), {"shop": Done(saves=2), "gone": Done(saves=1)})

    (user,) = statistics.by_user(10, logical=False)
    today, before = statistics.by_day(10)
    total = statistics.total()

    assert (user.saves, user.restores, user.saves_per_day) == (10, 1, 2.0)
    assert (today.saves, today.sessions, today.class_b) == (3, 2, 3)
    assert (before.saves, before.class_a) == (8, 2)
    assert today.day - before.day == datetime.timedelta(days=4)
    assert (total.active_sessions, total.restored_sessions) == (2, 1)
    assert (total.saves, total.counted_since) == (11, before.day)
    assert statistics.first_day() == before.day


def test_what_others_began_with_most_often_is_first(statistics, catalog, catalog_url):
    for inode, name in enumerate(("shop", "other", "third")):
        Scribe(catalog, session=name, inode=inode + 1).record({b"a": a_file(b"1")})
    for name, token, imports in (
        ("shop", "a", 1),
        ("other", "b", 3),
        ("third", "c", 0),
    ):
        execute(
            catalog_url,
            "INSERT INTO share (name, token, pepper, session, seq, expires_at)"
            " SELECT 'shr-' || repeat(%s, 12), sha256(%s), '12345678', id, 1,"
            "        now() + interval '1 day' FROM session WHERE sid = %s",
            token,
            token.encode(),
            name,
        )
        for outcome in ["imported"] * imports + ["given_back"] * 5:
            execute(
                catalog_url,
                "INSERT INTO share_use (share, uid, host, seq, session, pack, outcome,"
                " settled_at) SELECT id, 0, gen_random_uuid(), 1, 'copy',"
                " gen_random_uuid(), %s, now() FROM share WHERE token = sha256(%s)",
                outcome,
                token.encode(),
            )

    found = statistics.most_shared(10)

    assert [(one.session, one.shares, one.imports) for one in found] == [
        ("other", 1, 3),
        ("shop", 1, 1),
    ]


def test_a_month_comes_with_the_day_before_it(statistics, catalog_url):
    for day in ("2026-09-05", "2026-10-30", "2026-11-02", "2026-12-01"):
        execute(catalog_url, "INSERT INTO stored_day VALUES (%s, 2, 1)", day)

    november = statistics.stored(datetime.date(2026, 11, 1), datetime.date(2026, 12, 1))

    assert [one.day.isoformat() for one in november] == ["2026-10-30", "2026-11-02"]
