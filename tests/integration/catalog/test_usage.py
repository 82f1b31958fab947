"""What was used, day by day, as Postgres remembers it."""

import psycopg
import pytest
from psycopg.rows import dict_row

from cataloging import HOST, OTHER_HOST, Scribe, a_file
from expokeep.catalog.usage import Done, PostgresUsage, Requests


@pytest.fixture
def usage(catalog):
    return PostgresUsage(catalog.database)


def rows(dsn, query):
    with psycopg.connect(
        dsn, row_factory=dict_row, options="-csearch_path=expokeep", autocommit=True
    ) as connection:
        return connection.execute(query).fetchall()


def test_what_hosts_used_adds_up_by_day(usage, catalog_url):
    usage.add(HOST, Requests(class_a=3, sent_bytes=10), {"shop": Done(saves=2)})
    usage.add(HOST, Requests(class_a=1, class_b=5, free=1), {"shop": Done(restores=1)})
    usage.add(OTHER_HOST, Requests(received_bytes=7), {"shop": Done(1, 1)})

    by_host = rows(catalog_url, "SELECT * FROM usage_day ORDER BY host")
    done = rows(catalog_url, "SELECT * FROM activity_day")

    told = ("class_a", "class_b", "free", "sent_bytes", "received_bytes")
    assert [tuple(row[name] for name in told) for row in by_host] == [
        (4, 5, 1, 10, 0),
        (0, 0, 0, 0, 7),
    ]
    assert [(row["sid"], row["saves"], row["restores"]) for row in done] == [
        ("shop", 3, 2)
    ]


def test_the_peak_of_a_day_stays_and_no_news_writes_nothing(
    usage, catalog, catalog_url
):
    scribe = Scribe(catalog)
    scribe.record({b"a": a_file(b"1")})

    def stored(statement=None):
        if statement:
            rows(catalog_url, f"{statement} RETURNING 1")
        usage.note_stored()
        found = rows(catalog_url, "SELECT *, xmin::text FROM stored_day")
        return [(one["peak_bytes"], one["last_bytes"], one["xmin"]) for one in found]

    ((peak, last, first_written),) = stored()
    assert (peak, last) == (4096, 4096)
    assert stored() == [(4096, 4096, first_written)]
    ((peak, last, _),) = stored("UPDATE pack SET size_bytes = 1000")
    assert (peak, last) == (4096, 1000)
    ((peak, last, _),) = stored("UPDATE pack SET size_bytes = 9000")
    assert (peak, last) == (9000, 9000)


def test_a_day_begins_with_what_the_last_one_ended_with(usage, catalog, catalog_url):
    Scribe(catalog).record({b"a": a_file(b"1")})
    usage.note_stored()
    rows(catalog_url, "UPDATE stored_day SET day = day - 3 RETURNING 1")
    rows(catalog_url, "UPDATE pack SET size_bytes = 10 RETURNING 1")

    usage.note_stored()

    found = rows(catalog_url, "SELECT * FROM stored_day ORDER BY day")
    assert [(one["peak_bytes"], one["last_bytes"]) for one in found] == [
        (4096, 4096),
        (4096, 10),
    ]


def test_saves_are_told_by_user_and_day(usage, catalog, catalog_url):
    Scribe(catalog).record({b"a": a_file(b"1")})
    catalog.describe("shop", owner="ann")
    usage.add(HOST, Requests(), {"shop": Done(saves=2), "purged": Done(saves=1)})

    found = rows(
        catalog_url, "SELECT * FROM saves_per_user_and_day ORDER BY owner NULLS LAST"
    )

    assert [(one["owner"], one["saves"]) for one in found] == [("ann", 2), (None, 1)]


def test_what_is_too_old_is_forgotten(usage, catalog_url):
    usage.add(HOST, Requests(class_a=1), {"shop": Done(saves=1)})
    for table in ("usage_day", "activity_day"):
        rows(catalog_url, f"UPDATE {table} SET day = day - 11 RETURNING 1")

    usage.forget(days=11)
    assert len(rows(catalog_url, "SELECT FROM usage_day")) == 1
    usage.forget(days=10)

    assert rows(catalog_url, "SELECT FROM usage_day") == []
    assert rows(catalog_url, "SELECT FROM activity_day") == []
