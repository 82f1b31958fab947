"""Shares in a real Postgres: who may count a use, and what becomes of it."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from cataloging import HOST, OTHER_HOST, SHOP, Scribe, a_file
from expokeep import clock
from expokeep.catalog.connection import Database, Limits
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.forgetting import PostgresForgetting
from expokeep.catalog.shares import NewShare, NewUse
from expokeep.catalog.sharing import MOST_WRONG, PostgresShares
from expokeep.errors import NotFound
from expokeep.model.names import SessionId
from expokeep.retention.plan import Rules, reasons_to_keep
from expokeep.share.token import Pepper, new_name, new_token

PEPPER = Pepper(b"p" * 32)
DAY_S = 86_400.0
BEYOND = {"after_s": 900.0, "grace_s": 7 * DAY_S}


@pytest.fixture
def shares(catalog):
    return PostgresShares(catalog.database)


@pytest.fixture
def scribe(catalog):
    catalog.heartbeat(HOST, lease_s=60)
    catalog.heartbeat(OTHER_HOST, lease_s=60)
    scribe = Scribe(catalog)
    for number in range(1, 4):
        scribe.record({b"App.js": a_file(b"%d" % number)})
    return scribe


@pytest.fixture
def sql(catalog_url):
    """Runs SQL as somebody who sees all."""

    def run(query, *values):
        with psycopg.connect(catalog_url, options="-csearch_path=expokeep") as one:
            cursor = one.execute(query, values)
            return cursor.fetchall() if cursor.description else None

    return run


def share(shares, **changes):
    """Lend a version; return the share's name and what is kept of its token."""
    token = new_token()
    new = {
        "name": new_name(),
        "token": PEPPER.hashed(token),
        "pepper": PEPPER.shown,
        "session": SHOP,
        "seq": 1,
        "looked_at_seq": 1,
        "secrets_allowed": False,
        "password": None,
        "max_uses": None,
        "expires_s": DAY_S,
        "users": None,
        "created_by": "ann",
        **changes,
    }
    shares.create(NewShare(**new))
    return new["name"], new["token"]


def use(token, user="bob", **changes):
    new = {
        "token": token,
        "user": user,
        "uid": 1000,
        "host": HOST.id,
        "session": SessionId(f"copy-{uuid.uuid4()}"),
        "pack": clock.uuid7(),
        **changes,
    }
    return NewUse(**new)


def state_of(shares, name):
    (row,) = shares.rows(PEPPER.shown, name=name, include_over=True)
    return row.state, row.uses


def test_of_fifty_who_come_at_once_for_one_use_one_gets_it(scribe, shares, catalog_url):
    name, token = share(shares, max_uses=1)
    database = Database(catalog_url, limits=Limits(pool_size=50))
    many = PostgresShares(database)

    with ThreadPoolExecutor(50) as pool:
        found = list(
            pool.map(lambda n: many.reserve(use(token, f"user-{n}"), 1), range(50))
        )
    database.close()

    assert len([one for one in found if one is not None]) == 1
    assert state_of(shares, name) == ("used_up", 1)


def test_of_fifty_who_come_at_once_for_twenty_uses_twenty_get_them(
    scribe, shares, catalog_url
):
    name, token = share(shares, max_uses=20)
    database = Database(catalog_url, limits=Limits(pool_size=50))
    many = PostgresShares(database)

    def bring(number):
        found = many.reserve(use(token, f"user-{number}"), 1)
        if found is not None and number % 5 == 0:
            many.give_back(found.id)  # it failed: the use is for somebody else
        return found

    with ThreadPoolExecutor(50) as pool:
        found = [one for one in pool.map(bring, range(50)) if one is not None]
    database.close()

    _, uses = state_of(shares, name)
    settled = len(found) - len(
        [row for row in shares.uses(name, limit=99) if row.outcome == "given_back"]
    )
    assert uses == settled <= 20


def test_a_use_that_is_asked_for_again_is_counted_once(scribe, shares):
    # The answer was lost, and the transaction is repeated.
    name, token = share(shares, max_uses=2)
    wish = use(token)

    first, again = shares.reserve(wish, 1), shares.reserve(wish, 1)

    assert first == again
    assert state_of(shares, name) == ("live", 1)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_count_is_that_of_the_uses(scribe, shares, sql, seed):
    chance = random.Random(seed)
    most = chance.randint(1, 5)
    name, token = share(shares, max_uses=most)
    under_way, counted, is_over = [], 0, False
    for _ in range(40):
        deed = chance.choice(("reserve",) * 4 + ("settle", "give back", "revoke"))
        if deed == "reserve":
            found = shares.reserve(use(token), 1)
            assert (found is not None) is (counted < most and not is_over)
            if found is not None:
                under_way.append(found.id)
                counted += 1
        elif deed == "revoke" and chance.random() < 0.1:
            shares.revoke([name], "ann")
            is_over = True
        elif under_way:
            one = under_way.pop(chance.randrange(len(under_way)))
            if deed == "settle":
                shares.settle(one)
            else:
                shares.give_back(one)
                counted -= 1
    kept = sql("SELECT count(*) FROM share_use WHERE outcome <> 'given_back'")
    assert sql("SELECT uses FROM share") == kept == [(counted,)]


def test_a_share_that_is_made_again_is_one_share(scribe, shares, sql):
    new = {"name": new_name(), "token": PEPPER.hashed(new_token()), "users": ("bob",)}
    share(shares, **new)
    share(shares, **new)

    assert sql("SELECT count(*) FROM share") == [(1,)]


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("revoked_at = now(), revoked_by = 'ann'", "revoked"),
        ("created_at = now() - interval '9 d', expires_at = now()", "expired"),
        ("max_uses = 1, uses = 1", "used_up"),
    ],
)
def test_what_is_over_counts_no_use(scribe, shares, sql, change, state):
    name, token = share(shares)
    sql(f"UPDATE share SET {change}")

    assert shares.reserve(use(token), 1) is None
    assert shares.door(token, None).state == state
    assert state_of(shares, name)[0] == state


def test_time_is_what_postgres_says(scribe, shares, sql):
    _, token = share(shares, expires_s=3600.0)

    ((lasts,),) = sql("SELECT expires_at - created_at = interval '1 hour' FROM share")
    sql("UPDATE share SET expires_at = clock_timestamp() + interval '200 ms'")
    sql("SELECT pg_sleep(0.3)")

    assert lasts
    assert shares.reserve(use(token), 1) is None


def test_only_who_is_on_the_list_counts_a_use(scribe, shares):
    _, token = share(shares, users=("bob", "carol"))

    assert shares.reserve(use(token, "mallory"), 1) is None
    assert shares.reserve(use(token, None), 1) is None
    assert shares.reserve(use(token, "bo_"), 1) is None
    assert shares.reserve(use(token, "carol"), 1) is not None
    assert not shares.door(token, "mallory").is_for_them


def test_a_list_that_nobody_is_on_any_more_is_no_open_door(scribe, shares, sql):
    _, token = share(shares, users=("bob",))
    sql("DELETE FROM share_user")

    assert shares.reserve(use(token, "bob"), 1) is None


def test_what_follows_the_head_lends_what_is_head_then(scribe, shares):
    name, token = share(shares, seq=None, looked_at_seq=3)
    assert not shares.door(token, None).must_look
    scribe.record({b"App.js": a_file(b"4")})

    door = shares.door(token, None)

    assert (door.seq, door.must_look) == (4, True)
    assert shares.reserve(use(token), 3) is None
    assert shares.reserve(use(token), 4).seq == 4
    shares.note_look(name, 4)
    assert not shares.door(token, None).must_look


def test_a_use_is_settled_or_given_back_once(scribe, shares):
    name, token = share(shares, max_uses=1)
    first = shares.reserve(use(token), 1)

    shares.give_back(first.id)
    shares.give_back(first.id)
    second = shares.reserve(use(token), 1)
    shares.settle(second.id)
    shares.give_back(second.id)

    assert state_of(shares, name) == ("used_up", 1)
    outcomes = [row.outcome for row in shares.uses(name, limit=9)]
    assert outcomes == ["imported", "given_back"]


def test_an_import_that_was_cut_short_and_came_true_is_settled(catalog, scribe, shares):
    name, token = share(shares, max_uses=1)
    copy = Scribe(catalog, session=SessionId("copy"), inode=9)
    draft = copy.draft({b"App.js": a_file(b"1")})
    reserved = shares.reserve(use(token, session="copy", pack=draft.packs[0].id), 1)
    catalog.commit(draft)

    shares.give_back(reserved.id)
    assert state_of(shares, name) == ("used_up", 1)
    shares.give_back_lost(after_s=0, grace_s=0)
    assert shares.settle_found() == 1

    assert [row.outcome for row in shares.uses(name, limit=9)] == ["imported"]


def test_an_import_of_which_nothing_came_is_given_back(scribe, shares, sql):
    name, token = share(shares, max_uses=1)
    shares.reserve(use(token), 1)

    shares.give_back_lost(**BEYOND)
    soon = state_of(shares, name)
    sql("UPDATE share_use SET used_at = now() - interval '1 hour'")
    shares.give_back_lost(**BEYOND)

    assert soon == ("used_up", 1)
    assert state_of(shares, name) == ("live", 0)


def test_what_a_host_may_still_record_is_not_given_back(scribe, shares, sql):
    # Given back, and recorded later: the share would have been used twice.
    name, token = share(shares, max_uses=1)
    reserved = use(token)
    shares.reserve(reserved, 1)
    sql("UPDATE share_use SET used_at = now() - interval '1 day'")
    sql("INSERT INTO unrecorded VALUES (%s, %s, 1, now())", HOST.id, reserved.session)

    shares.give_back_lost(**BEYOND)
    told = state_of(shares, name)
    sql("DELETE FROM unrecorded")
    sql("UPDATE host SET lease_until = now() - interval '1 hour'")
    shares.give_back_lost(**BEYOND)
    silent = state_of(shares, name)
    sql("UPDATE host SET lease_until = now() - interval '8 days'")
    shares.give_back_lost(**BEYOND)

    assert told == silent == ("used_up", 1)
    assert state_of(shares, name) == ("live", 0)


def test_no_rule_forgets_what_somebody_may_still_import(scribe, catalog, shares, sql):
    name, _ = share(shares, seq=2)
    share(shares, seq=1, expires_s=60.0)
    forgetting = PostgresForgetting(catalog.database)

    lines = forgetting.lines(SHOP)
    reasons = reasons_to_keep(lines, Rules(last=1))
    gone = forgetting.forget(SHOP, [1, 2])
    shares.revoke([name], "ann")
    later = forgetting.forget(SHOP, [1, 2])
    sql("UPDATE share SET created_at = now() - interval '9 d', expires_at = now()")
    last = forgetting.forget(SHOP, [1])

    assert reasons[2] == reasons[1] == ("shared",)
    assert (gone, later, last) == ([], [2], [1])


def test_what_is_just_imported_is_not_forgotten_though_it_is_used_up(
    scribe, catalog, shares
):
    _, token = share(shares, seq=1, max_uses=1)
    reserved = shares.reserve(use(token), 1)
    forgetting = PostgresForgetting(catalog.database)

    during = forgetting.forget(SHOP, [1])
    shares.settle(reserved.id)

    assert (during, forgetting.forget(SHOP, [1])) == ([], [1])


def test_a_session_does_not_expire_while_it_is_lent(scribe, catalog, shares, sql):
    name, _ = share(shares, seq=None)
    deleting = PostgresDeleting(catalog.database)
    sql("UPDATE version SET recorded_at = now() - interval '90 d'")
    sql(
        "UPDATE session SET accessed_at = now() - interval '90 d',"
        " created_at = now() - interval '90 d'"
    )

    lent = deleting.expiring(days=30)
    shares.revoke([name], "ann")

    assert (lent, deleting.expiring(days=30)) == ([], [SHOP])


def test_deleting_a_session_ends_its_shares_for_good(scribe, catalog, shares):
    name, token = share(shares)
    deleting = PostgresDeleting(catalog.database)

    deleting.delete(SHOP)
    deleted = shares.reserve(use(token), 1), state_of(shares, name)[0]
    deleting.undelete(SHOP)

    assert deleted == (None, "revoked")
    assert shares.reserve(use(token), 1) is None
    (row,) = shares.rows(PEPPER.shown, name=name, include_over=True)
    assert row.revoked_by == "the deletion of its session"


def test_what_is_deleted_or_forgotten_cannot_be_lent(scribe, catalog, shares):
    PostgresForgetting(catalog.database).forget(SHOP, [1])

    with pytest.raises(NotFound):
        share(shares, seq=1)
    PostgresDeleting(catalog.database).delete(SHOP)
    with pytest.raises(NotFound):
        share(shares, seq=3)


def test_too_many_wrong_passwords_close_the_door_for_a_while(scribe, shares, sql):
    name, token = share(shares, password="scrypt$1")
    for _ in range(MOST_WRONG):
        assert not shares.door(token, None).is_locked
        shares.count_wrong(name)

    locked = shares.door(token, None).is_locked
    sql("UPDATE share SET wrong_since = wrong_since - interval '11 minutes'")

    assert locked
    assert not shares.door(token, None).is_locked
    shares.count_wrong(name)
    assert sql("SELECT wrong_count FROM share") == [(1,)]


def test_who_was_turned_away_is_counted_by_reason(scribe, shares):
    name, _ = share(shares)
    shares.refuse(name, "expired", "bob")
    shares.refuse(name, "expired", "carol")
    shares.refuse(name, "revoked", None)

    found = {one.reason: (one.count, one.last_user) for one in shares.refusals(name)}

    assert found == {"expired": (2, "carol"), "revoked": (1, None)}


def test_each_sees_the_shares_of_its_own_sessions(catalog, scribe, shares):
    catalog.describe(SHOP, owner="ann")
    name, token = share(shares)
    own, other = shares.rows(b"x" * 8, owner="ann"), shares.rows(b"x" * 8, owner="bob")

    assert [row.name for row in own] == [name]
    assert not own[0].is_known_here
    assert other == []
    assert shares.rows(b"x" * 8, token=token, owner="bob") == []
    assert shares.rows(b"x" * 8, uid=4711) == []
    assert shares.strange(b"x" * 8) == 1
    assert shares.strange(PEPPER.shown) == 0


def test_what_was_imported_most_often_comes_first(catalog, scribe, shares):
    other = Scribe(catalog, session=SessionId("other"), inode=5)
    other.record({b"a": a_file(b"a")})
    share(shares)
    name, token = share(shares, session="other")
    for _ in range(2):
        shares.settle(shares.reserve(use(token), 1).id)
    shares.give_back(shares.reserve(use(token), 1).id)
    shares.refuse(name, "expired", None)

    first, second = shares.top(owner=None, uid=None, limit=9)

    assert (first.session, first.imported, first.given_back) == ("other", 2, 1)
    assert (first.refused, first.shares) == (1, 1)
    assert (second.session, second.imported) == (SHOP, 0)
