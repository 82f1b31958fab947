"""Few numbers about all that there is, however many users there are."""

import uuid

import psycopg
import pytest

from cataloging import HOST, OTHER_HOST, Scribe, a_file
from expokeep.catalog.figures import PostgresFigures, Standing
from expokeep.catalog.maintaining import MaintenanceLock
from expokeep.catalog.quotas import PostgresQuotas
from expokeep.catalog.usage import Done, PostgresUsage, Requests
from expokeep.catalog.values import Host
from expokeep.model.quota import Quota

MANY = 10_000


@pytest.fixture
def ask(catalog):
    def figures(*, most_users=3, max_builds=50):
        asked = PostgresFigures(catalog.database)
        return asked.figures(HOST, most_users=most_users, max_builds=max_builds)

    return figures


def execute(dsn, statement, *values):
    with psycopg.connect(dsn, options="-csearch_path=expokeep") as connection:
        connection.execute(statement, values)


def test_an_empty_catalog_has_figures_too(ask):
    found = ask()

    assert found.now == Standing(0, 0, 0, 0, 0, 0, 0)
    assert (found.has, found.used, found.done, found.turned_away) == ([], [], [], [])


def test_a_session_counts_as_parked_until_its_newest_version_is_not(ask, catalog):
    scribe = Scribe(catalog)
    scribe.record({b"a": a_file(b"1")})
    scribe.record({}, parked="lost 9 of 9 files", moves_head=False)
    parked = ask().now.parked_sessions
    scribe.record({b"a": a_file(b"2")})

    assert (parked, ask().now.parked_sessions) == (1, 0)


def test_what_other_hosts_hold_is_told_by_whether_they_are_alive(
    ask, catalog, catalog_url
):
    silent = Host(uuid.UUID(int=3), "three")
    for host in (HOST, OTHER_HOST, silent):
        catalog.heartbeat(host, lease_s=30)
    execute(catalog_url, "UPDATE host SET lease_until = now() WHERE id = %s", silent.id)
    for host, entries in ((HOST, 5), (OTHER_HOST, 3), (silent, 2)):
        execute(
            catalog_url,
            "INSERT INTO unrecorded VALUES (%s, 'shop', %s, now())",
            *(host.id, entries),
        )

    now = ask().now

    assert (now.held_alive, now.held_silent) == (3, 2)


def test_a_chore_tells_how_long_ago_it_was_done(ask, catalog, catalog_url):
    with MaintenanceLock(catalog.database).held() as ledger:
        ledger.done("collect")
    execute(catalog_url, "UPDATE chore SET done_at = done_at - interval '1 hour'")

    (chore,) = ask().done

    assert chore.name == "collect"
    assert 3600 <= chore.age_s < 3700


def test_users_are_told_by_what_they_store_and_the_rest_in_one_sum(
    ask, catalog, catalog_url
):
    for number in range(5):
        Scribe(catalog, session=f"s{number}", inode=number + 1).record(
            {b"a": a_file(b"%d" % number)}
        )
        if number:
            catalog.describe(f"s{number}", owner=f"user-{number}")
    execute(
        catalog_url,
        "UPDATE pack SET size_bytes = 100 * (SELECT substr(sid, 2)::int + 1"
        " FROM session WHERE id = pack.session)",
    )
    PostgresUsage(catalog.database).add(HOST, Requests(), {"s4": Done(saves=7)})

    found = ask(most_users=2)

    assert [
        (one.user, one.is_other, one.sessions, one.stored_bytes) for one in found.has
    ] == [
        ("user-4", False, 1, 500),
        ("user-3", False, 1, 400),
        (None, True, 3, 100 + 200 + 300),
    ]
    assert found.has[0].saves_per_day == 7


def test_nobodys_sessions_are_told_apart_from_those_of_all_others(ask, catalog):
    Scribe(catalog).record({b"a": a_file(b"1")})

    (nobody,) = ask().has

    assert (nobody.user, nobody.is_other, nobody.sessions) == (None, False, 1)


def test_quotas_are_told_of_those_who_are_nearest_to_theirs(ask, catalog):
    quotas = PostgresQuotas(catalog.database)
    for number, user in enumerate(["ann", "bob", "cid"]):
        Scribe(catalog, session=user, inode=number + 1).record(
            {b"a": a_file(b"x" * (number + 1))}
        )
        catalog.describe(user, owner=user)
    quotas.say(Quota("ann", max_builds=None, max_bytes=1))
    quotas.say(Quota("bob", max_builds=4, max_bytes=None))

    ann, others = ask(most_users=1, max_builds=2).used

    assert (ann.user, ann.builds_ratio, ann.bytes_ratio) == ("ann", 0.5, 1.0)
    assert (ann.near_80, ann.near_95, ann.near_100) == (1, 1, 1)
    assert (others.user, others.is_other) == (None, True)
    assert (others.builds_ratio, others.bytes_ratio) == (0.5, None)
    assert others.near_80 == 0


def test_ten_thousand_users_are_few_rows(ask, catalog, catalog_url):
    Scribe(catalog).record({b"a": a_file(b"1")})
    execute(
        catalog_url,
        "INSERT INTO session (sid, scope, owner, root_uid, root_gid, root_mode)"
        " SELECT 'many-' || number, scope, E'user\\n\"' || number, 1, 1, 493"
        " FROM session, generate_series(1, %s) AS number",
        MANY,
    )

    found = ask(most_users=20)

    assert len(found.has) == 21
    assert sum(one.sessions for one in found.has) == MANY + 1
    assert len(found.used) <= 21
