"""Imports on a real Postgres and a real spool: what comes of a token."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from expokeep import clock
from expokeep.catalog.sharing import PostgresShares
from expokeep.clock import monotonic_s
from expokeep.errors import (
    AccessDenied,
    BackendUnreachable,
    IntegrityError,
    NotFound,
    ShareUnusable,
)
from expokeep.fork.run import Forker, Site
from expokeep.fork.values import SessionExists
from expokeep.model.names import SessionId
from expokeep.model.secrets import DEFAULT_PATTERNS, names
from expokeep.model.version import VersionRef
from expokeep.share.importing import REFUSED_AFTER_S, Importer, Importing, Wish
from expokeep.share.lending import Lending, SecretsFound
from expokeep.share.plan import Bounds, Terms
from expokeep.share.scan import Scan
from expokeep.share.token import Pepper, Token, new_token
from expokeep.share.turns import MOST, Turns
from expokeep.store.memory import MemoryStore
from expokeep.wiring.sharing import beginning_of
from journeys import POLICY, SHOP, keeper, seen_in

PEPPER = Pepper(b"p" * 32)
BOB = Importer(user="bob", uid=1000, gid=None)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def host(catalog, store, tmp_path):
    with keeper(catalog, store, tmp_path) as here:
        here.home(SHOP).mkdir()
        (here.home(SHOP) / "App.js").write_text("one")
        catalog.heartbeat(here.host, lease_s=60)
        here.save()
        yield here


@pytest.fixture
def shares(catalog):
    return PostgresShares(catalog.database)


def lent(host, shares, policy="block", **terms) -> Token:
    """Lend what is head; return the token."""
    version = host.catalog.resolve(VersionRef(SHOP))

    def contents(places):
        wanted = {place.digest for place in places}
        offer = host.source.offer(SHOP)
        yield from host.source.blobs(offer, wanted)

    scan = Scan(names(DEFAULT_PATTERNS), contents)
    lending = Lending(shares, PEPPER, scan, policy, Bounds(86400.0, 86400.0))
    return lending.lend(host.catalog.kept(version), Terms(**terms), "ann").token


@pytest.fixture
def importing(host, shares):
    """What imports on this host; `begin` and the rest may be changed."""
    forker = Forker(
        host.catalog,
        host.spool,
        host.host,
        Site(POLICY.scope, POLICY.key_prefix, 3, fsync=False),
        lambda entry: host.shipper.ship(entry).version,
        clock.now,
    )
    return Importing(
        shares=shares,
        pepper=PEPPER,
        host=host.host.id,
        turns=Turns(),
        begin=beginning_of(forker),
        may_still_come=lambda one: bool(host.spool.pending(one.session)),
        may_lend=lambda _session, _seq: True,
    )


def outcomes(shares):
    (row,) = shares.rows(PEPPER.shown, include_over=True)
    return row.uses, [one.outcome for one in shares.uses(row.name, limit=99)]


def refusals(shares):
    (row,) = shares.rows(PEPPER.shown, include_over=True)
    return {one.reason: one.count for one in shares.refusals(row.name)}


def test_an_import_is_a_session_of_ones_own_and_uploads_no_contents(
    host, shares, importing, store, tmp_path
):
    token = lent(host, shares)
    before = store.usage()

    made = importing.run(Wish(token, BOB)).version

    assert store.usage().requests["PutObject"] - before.requests["PutObject"] == 1
    host.restore(made.session, tmp_path / "there")
    assert seen_in(tmp_path / "there") == seen_in(host.home(SHOP))
    row = host.catalog.session(made.session)
    assert (row.owner, row.last_seq, made.trigger) == ("bob", 1, "import")
    assert len(host.catalog.versions(SHOP)) == 1
    assert outcomes(shares) == (1, ["imported"])


def test_of_many_imports_at_once_of_one_use_one_succeeds(host, shares, importing):
    token = lent(host, shares, max_uses=1)

    def bring(number):
        try:
            wish = Wish(token, replace(BOB, user=f"user-{number}"))
            return importing.run(wish).version.session
        except ShareUnusable:
            return None

    with ThreadPoolExecutor(50) as pool:
        sessions = [one for one in pool.map(bring, range(50)) if one]

    assert len(sessions) == 1
    assert outcomes(shares) == (1, ["imported"])
    assert len(host.catalog.sessions()) == 2


@pytest.mark.parametrize(
    "failure",
    [NotFound(f"session {SHOP} has no version 1"), IntegrityError(f"v1/{SHOP}/x")],
)
def test_no_failure_names_the_session_of_the_other(host, shares, importing, failure):
    token = lent(host, shares)

    def begin(_beginning):
        raise failure

    with pytest.raises((ShareUnusable, IntegrityError)) as failed:
        replace(importing, begin=begin).run(Wish(token, BOB))

    assert SHOP not in str(failed.value)
    assert outcomes(shares) == (0, ["given_back"])


def test_what_failed_is_given_back_and_what_is_safe_is_not(host, shares, importing):
    token = lent(host, shares, max_uses=1)

    def begin(_beginning):
        raise BackendUnreachable("the bucket does not answer")

    failing = replace(importing, begin=begin)
    with pytest.raises(BackendUnreachable):
        failing.run(Wish(token, BOB))
    first = outcomes(shares)
    with pytest.raises(BackendUnreachable):
        replace(failing, may_still_come=lambda _one: True).run(Wish(token, BOB))

    assert first == (0, ["given_back"])
    assert outcomes(shares) == (1, ["under_way", "given_back"])


def test_a_session_that_exists_is_left_alone_and_costs_nothing(host, shares, importing):
    token = lent(host, shares, max_uses=1)

    with pytest.raises(SessionExists):
        importing.run(Wish(token, BOB, session=SHOP))

    assert outcomes(shares) == (0, ["given_back"])
    assert importing.run(Wish(token, BOB, session=SessionId("new"))).version.seq == 1


def test_who_is_turned_away_waits_as_long_for_every_reason(host, shares, importing):
    revoked = lent(host, shares)
    shares.revoke([row.name for row in shares.rows(PEPPER.shown)], "ann")
    took = {}
    for name, token in {"unknown": new_token(), "none": None, "over": revoked}.items():
        began = monotonic_s()
        with pytest.raises(ShareUnusable) as refused:
            importing.run(Wish(token, BOB))
        took[name] = monotonic_s() - began
        assert str(refused.value) == "this share cannot be used"

    assert min(took.values()) >= REFUSED_AFTER_S
    assert refusals(shares) == {"revoked": 1}


def test_a_password_is_asked_for_and_wrong_ones_are_counted(host, shares, importing):
    token = lent(host, shares, password="right")
    for password in (None, "wrong", "Right"):
        with pytest.raises(AccessDenied):
            importing.run(Wish(token, BOB, password))

    importing.run(Wish(token, BOB, "right"))

    assert refusals(shares) == {"password_missing": 1, "password_wrong": 2}
    assert outcomes(shares) == (1, ["imported"])


def test_nobody_guesses_a_password(host, shares, importing):
    token = lent(host, shares, password="right")

    def guess(number):
        wish = Wish(token, replace(BOB, user=f"user-{number}"), f"guess-{number}")
        with pytest.raises(AccessDenied) as refused:
            importing.run(wish)
        return str(refused.value)

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(guess, range(16)))
    with pytest.raises(AccessDenied, match="too many"):
        importing.run(Wish(token, replace(BOB, user="last"), "right"))

    assert len([one for one in said if "not the password" in one]) == 10
    assert refusals(shares) == {"locked": 7, "password_wrong": 10}


def test_nobody_tries_tokens_for_ever(importing):
    for _ in range(MOST):
        importing.turns.note((BOB.uid, BOB.user))

    with pytest.raises(AccessDenied, match="too many"):
        importing.run(Wish(new_token(), BOB))
    with pytest.raises(ShareUnusable):
        importing.run(Wish(new_token(), replace(BOB, user="carol")))
    with pytest.raises(ShareUnusable):
        importing.run(Wish(new_token(), Importer(None, 1000, None, is_trusted=True)))


def test_what_became_a_secret_is_not_lent_with_the_head(host, shares, importing):
    token = lent(host, shares, follows_head=True)
    looked = []

    def may_lend(session, seq):
        looked.append((session, seq))
        return seq != 3

    looking = replace(importing, may_lend=may_lend)
    looking.run(Wish(token, BOB))
    for text in ("two", "three"):
        (host.home(SHOP) / "App.js").write_text(text)
        host.save()
        if text == "two":
            looking.run(Wish(token, BOB))
            looking.run(Wish(token, BOB))

    for _ in range(3):
        with pytest.raises(ShareUnusable):
            looking.run(Wish(token, BOB))

    # Once each: who has the token must not make us fetch it again and again.
    assert looked == [(SHOP, 2), (SHOP, 3)]
    assert refusals(shares) == {"secrets": 3}


@pytest.mark.parametrize("policy", ["block", "warn", "off"])
def test_a_secret_stops_is_told_of_or_is_nobodys_business(host, shares, policy):
    (host.home(SHOP) / ".env").write_text("A=1")
    host.save()

    if policy == "block":
        with pytest.raises(SecretsFound, match=r"\.env \(named like a secret\)"):
            lent(host, shares, policy)
        assert shares.rows(PEPPER.shown) == []
        lent(host, shares, policy, allows_secrets=True)
    else:
        lent(host, shares, policy)

    assert len(shares.rows(PEPPER.shown)) == 1


def test_a_user_of_this_host_gets_a_session_of_its_own_uid(host, shares, importing):
    token = lent(host, shares)

    made = importing.run(Wish(token, Importer(None, 4711, 4712))).version

    assert host.catalog.session(made.session).root_uid == 4711
    root = host.catalog.kept(made).root
    assert (root.uid, root.gid) == (4711, 4712)
    assert uuid.UUID(made.session)
