"""The outbox: what happened is in it with what made it happen, or not at all."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from cataloging import SHOP, Scribe, a_file
from expokeep.catalog.outbox import Endpoint, Outbox

HERE, THERE = uuid.UUID(int=1), uuid.UUID(int=2)
ALL = Endpoint("0" * 16, "https://all.example", ("*",))
SHARES = Endpoint("1" * 16, "https://shares.example", ("share.*",))


@pytest.fixture
def outbox(catalog):
    return Outbox(catalog.database, HERE)


def asked(catalog, query, *words):
    def work(connection):
        cursor = connection.execute(query, words)
        return cursor.fetchall() if cursor.description else []

    return catalog.database.run(work)


def test_without_anybody_to_tell_nothing_is_written(catalog):
    Scribe(catalog).record({b"a": a_file(b"a")})

    assert asked(catalog, "SELECT FROM delivery") == []


def test_each_hears_what_it_asked_for(catalog, outbox):
    outbox.register([ALL, SHARES])
    scribe = Scribe(catalog)
    scribe.record({b"a": a_file(b"a")})
    scribe.record({b"b": a_file(b"b")}, parked="a reason", moves_head=False)
    asked(catalog, "UPDATE session SET deleted_at = now()")

    told = [
        (one.kind, one.session, one.body.get("seq")) for one in outbox.claim(ALL.id)
    ]

    assert told == [
        ("version.created", SHOP, 1),
        ("version.created", SHOP, 2),
        ("version.parked", SHOP, 2),
        ("session.deleted", SHOP, None),
    ]
    assert outbox.claim(SHARES.id) == []


def test_what_is_rolled_back_is_told_to_nobody(catalog, outbox):
    outbox.register([ALL])

    def work(connection):
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT tell_webhooks('x.y', 'shop', '{}')")

    catalog.database.run(work)

    assert outbox.claim(ALL.id) == []


def test_a_replay_of_old_rows_tells_nobody(catalog, outbox):
    outbox.register([ALL])

    def work(connection):
        with connection.transaction():
            connection.execute("SET LOCAL expokeep.replaying = 'on'")
            connection.execute("SELECT tell_webhooks('x.y', 'shop', '{}')")

    catalog.database.run(work)

    assert outbox.claim(ALL.id) == []


def test_of_many_who_claim_each_has_others(catalog, outbox):
    outbox.register([ALL])
    for number in range(50):
        asked(catalog, "SELECT tell_webhooks('x.y', %s, '{}')", str(number))

    with ThreadPoolExecutor(4) as pool:
        claimed = [
            one.session
            for found in pool.map(lambda _: outbox.claim(ALL.id), range(4))
            for one in found
        ]

    assert len(claimed) == len(set(claimed)) == 50


def test_what_failed_is_due_later_and_what_is_given_up_never(catalog, outbox):
    outbox.register([ALL])
    asked(catalog, "SELECT tell_webhooks('x.y', 'shop', '{}')")
    (one,) = outbox.claim(ALL.id)
    assert outbox.claim(ALL.id) == []

    outbox.failed(one, "it answered 503", 60.0, is_dead=False)
    assert 0 < outbox.due_in_s(ALL.id) <= 60
    assert outbox.claim(ALL.id) == []
    outbox.failed(one, "it answered 503", 0.0, is_dead=True)

    (standing,) = outbox.standing()
    assert (standing.waiting, standing.dead, standing.error) == (
        0,
        1,
        "it answered 503",
    )
    assert outbox.due_in_s(ALL.id) is None
    assert outbox.revive(None) == 1
    (again,) = outbox.claim(ALL.id)
    assert (again.event, again.tries) == (one.event, 2)
    outbox.delivered(again)
    assert outbox.standing()[0].waiting == 0


def test_a_host_ends_only_what_it_said_itself(catalog, outbox):
    there = Outbox(catalog.database, THERE)
    outbox.register([ALL])
    there.register([SHARES])

    outbox.register([])

    assert [one.id for one in outbox.standing()] == [SHARES.id]


def test_a_share_is_told_of_by_its_name(catalog, outbox):
    outbox.register([SHARES])
    Scribe(catalog).record({b"a": a_file(b"a")})
    asked(
        catalog,
        "INSERT INTO share (name, token, pepper, session, expires_at)"
        " SELECT 'shr-abcdefghijkl', decode(repeat('07', 32), 'hex'),"
        " decode(repeat('01', 8), 'hex'), id, now() + interval '1 day' FROM session",
    )
    asked(catalog, "UPDATE share SET uses = 1")
    asked(catalog, "UPDATE share SET revoked_at = now()")

    told = [(one.kind, one.body["share"]) for one in outbox.claim(SHARES.id)]

    assert sorted(told) == [
        ("share.created", "shr-abcdefghijkl"),
        ("share.revoked", "shr-abcdefghijkl"),
    ]
