"""What is around a session's versions, as one host sees it."""

import datetime

import psycopg
import pytest

from cataloging import HOST, NOON, OTHER_HOST, SHOP, Scribe, a_file
from expokeep.catalog.surroundings import PostgresSurroundings
from expokeep.catalog.values import HeldElsewhere
from expokeep.model.names import SessionId

TREE = {b"App.js": a_file(b"1")}
LATER = NOON + datetime.timedelta(hours=1)
JUST_NOW = datetime.timedelta(0)
CART = SessionId("cart")


@pytest.fixture
def surroundings(catalog):
    return PostgresSurroundings(catalog.database)


def test_newer_versions_that_are_parked_are_counted(catalog, surroundings):
    scribe = Scribe(catalog)
    scribe.record({}, parked="older", moves_head=False)
    head = scribe.record(TREE)
    for content in (b"2", b"3"):
        scribe.record({b"a": a_file(content)}, parked="odd", moves_head=False)

    assert surroundings.around(head).parked_newer == 2


def test_the_end_of_a_directory_is_told_of_its_last_good_version(catalog, surroundings):
    scribe = Scribe(catalog)
    first, last = scribe.record(TREE), scribe.record({b"a": a_file(b"2")})
    scribe.record({}, parked="it lost all", moves_head=False)

    surroundings.end(SHOP, (7, 1), HOST, JUST_NOW)
    ended_at = surroundings.ends(SHOP)[last.seq]
    surroundings.end(SHOP, (7, 1), HOST, JUST_NOW)

    assert abs(ended_at - catalog.server_time()) < datetime.timedelta(minutes=1)
    assert surroundings.ends(SHOP) == {last.seq: ended_at}
    assert surroundings.around(last).ended_at == ended_at
    assert surroundings.around(first).ended_at is None


def test_a_directory_that_got_the_inode_of_one_that_ended_lives(
    catalog, catalog_url, surroundings
):
    last = Scribe(catalog).record(TREE)
    Scribe(catalog, birth_ns=2).record(TREE)
    with psycopg.connect(catalog_url, options="-c search_path=expokeep") as connection:
        connection.execute(
            "UPDATE epoch SET started_at = started_at + interval '1 hour' "
            "WHERE number = 2"
        )

    surroundings.end(SHOP, (7, 1), HOST, JUST_NOW)

    assert surroundings.ends(SHOP).keys() == {last.seq}


def test_what_a_host_holds_is_told_to_others_until_it_is_recorded(
    catalog, surroundings
):
    catalog.heartbeat(HOST, lease_s=30)
    catalog.heartbeat(OTHER_HOST, lease_s=-1)
    surroundings.tell_held(HOST, {SHOP: (1, NOON), CART: (3, NOON)})
    surroundings.tell_held(OTHER_HOST, {SHOP: (2, LATER)})
    surroundings.tell_held(HOST, {SHOP: (4, NOON)})

    to_other = surroundings.held_elsewhere([SHOP, CART], OTHER_HOST)
    to_us = surroundings.held_elsewhere([SHOP, CART], HOST)
    surroundings.tell_held(HOST, {})

    assert to_other == [HeldElsewhere(SHOP, "one", 4, NOON, is_alive=True)]
    assert to_us == [HeldElsewhere(SHOP, "two", 2, LATER, is_alive=False)]
    assert surroundings.held_elsewhere([SHOP, CART], OTHER_HOST) == []
