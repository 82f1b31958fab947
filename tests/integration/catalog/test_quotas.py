"""Quotas: whatever makes a session a build of a user is held, and nothing is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cataloging import HOST, Scribe, a_file
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.quotas import PostgresQuotas
from expokeep.errors import QuotaExceeded
from expokeep.model.names import SessionId
from expokeep.model.quota import OVER, Quota, QuotaRules

TWO = QuotaRules(max_builds=2)
EVICTING = QuotaRules(max_builds=2, evicts=True)


@pytest.fixture
def limited(catalog):
    """A catalog that holds users to two builds."""
    catalog.quotas = TWO
    return catalog


def written(catalog, name, owner="ann", size=10, **changes):
    """Record a first version of a session of a user's."""
    scribe = Scribe(catalog, SessionId(name), inode=hash(name) % 10**9)
    scribe.open(owner)
    scribe.record({b"App.js": a_file(name.encode() * size)}, **changes)
    return scribe


def builds(catalog, user="ann"):
    return sorted(
        row.session for row in catalog.sessions(owner=user) if row.head_seq is not None
    )


def usage(catalog, user="ann"):
    (found,) = PostgresQuotas(catalog.database).usage(user, after="", limit=9)
    return found


def test_the_first_head_of_one_session_too_many_is_refused(limited):
    written(limited, "a")
    written(limited, "b")
    written(limited, "theirs", "bob")
    written(limited, "nobodys", None)

    with pytest.raises(QuotaExceeded, match="ann has 2 builds of 2"):
        written(limited, "c")

    kept = written(limited, "d", moves_head=False, parked=f"{OVER}2 of 2")
    assert limited.versions(kept.session)[0].parked == f"{OVER}2 of 2"
    assert builds(limited) == ["a", "b"]
    assert usage(limited).waiting == 1


def test_what_is_a_build_goes_on_however_many_there_are(limited):
    scribes = [written(limited, name) for name in ("a", "b")]
    limited.quotas = QuotaRules(max_builds=1)

    for scribe in scribes:
        scribe.record({b"App.js": a_file(b"edited")})

    assert builds(limited) == ["a", "b"]


def test_no_other_way_leads_past_a_quota(limited):
    deletions = PostgresDeleting(limited.database, TWO)
    for name in ("a", "b"):
        written(limited, name)
    written(limited, "nobodys", None)
    parked = written(limited, "parked", moves_head=False, parked="because")
    written(limited, "was-deleted", "bob")
    deletions.delete(SessionId("was-deleted"))
    limited.describe(SessionId("was-deleted"), owner="ann")  # it is no build

    with pytest.raises(QuotaExceeded):
        limited.describe(SessionId("nobodys"), owner="ann")
    with pytest.raises(QuotaExceeded):
        limited.accept(limited.versions(parked.session)[0])
    with pytest.raises(QuotaExceeded):
        deletions.undelete(SessionId("was-deleted"))
    Scribe(limited, SessionId("nobodys"), inode=5).open("ann")

    assert builds(limited) == ["a", "b"]
    assert limited.session(SessionId("nobodys")).owner is None


def test_room_is_made_by_a_deletion_and_by_another_quota(limited):
    for name in ("a", "b"):
        written(limited, name)
    PostgresDeleting(limited.database).delete(SessionId("a"))
    written(limited, "c")
    with pytest.raises(QuotaExceeded):
        written(limited, "d")

    PostgresQuotas(limited.database).say(Quota("ann", 3, None))
    written(limited, "e")

    assert builds(limited) == ["b", "c", "e"]
    assert (usage(limited).builds, usage(limited).max_builds) == (3, 3)


def test_a_version_that_is_over_brings_nothing_back(limited):
    deletions = PostgresDeleting(limited.database, TWO)
    gone = written(limited, "gone")
    expired = written(limited, "expired")
    deletions.delete(gone.session)
    with limited.database.apart(answer_s=5) as connection:
        connection.execute(
            "UPDATE session SET deleted_at = now(), expired = true WHERE sid = %s",
            [expired.session],
        )
    for name in ("a", "b"):
        written(limited, name)

    for scribe, trigger in ((gone, "save"), (expired, "auto")):
        tree = {b"App.js": a_file(b"edited")}
        with pytest.raises(QuotaExceeded):
            scribe.record(tree, trigger=trigger)
        beside = {"moves_head": False, "parked": f"{OVER}2 of 2"}
        scribe.record(tree, trigger=trigger, **beside)

    assert builds(limited) == ["a", "b"]
    found = deletions.deleted(owner="ann", uid=None, limit=9)
    assert {one.session: one.expired for one in found} == {
        "gone": False,
        "expired": True,
    }


def test_bytes_are_measured_by_what_a_build_becomes(limited):
    PostgresQuotas(limited.database).say(Quota("ann", None, 100))
    first = written(limited, "a", size=60)
    second = written(limited, "b", size=30)

    with pytest.raises(QuotaExceeded, match="100 B, and would have 110 B"):
        first.record({b"App.js": a_file(b"x" * 80)})
    first.record({b"App.js": a_file(b"x" * 70)})
    PostgresQuotas(limited.database).say(Quota("ann", None, 10))
    second.record({b"App.js": a_file(b"x" * 20)})  # smaller than it was

    assert usage(limited).size_bytes == 90


def test_the_build_that_was_used_longest_ago_goes_but_none_that_is_pinned(catalog):
    catalog.quotas = EVICTING
    oldest, second = written(catalog, "a"), written(catalog, "b")
    with catalog.database.apart(answer_s=5) as connection:
        connection.execute(
            "UPDATE session SET accessed_at = now() - interval '9 days' WHERE sid = 'a'"
        )
        connection.execute(
            "UPDATE version SET pinned = true, pinned_at = now() FROM session"
            " WHERE session.id = version.session AND sid = 'b'"
        )

    written(catalog, "c")
    assert builds(catalog) == ["b", "c"]
    (found,) = PostgresDeleting(catalog.database).deleted(
        owner="ann", uid=None, limit=9
    )
    assert (found.session, found.expired) == (oldest.session, False)

    catalog.quotas = QuotaRules(max_builds=1, evicts=True)
    with pytest.raises(QuotaExceeded):
        written(catalog, "d")  # that would take two, and one is pinned
    assert builds(catalog) == [second.session, "c"]


@pytest.mark.parametrize("rules", [TWO, EVICTING])
def test_sessions_that_begin_at_once_are_not_more_than_there_may_be(catalog, rules):
    catalog.quotas = rules
    drafts = []
    for name in "abcdefgh":
        scribe = Scribe(catalog, SessionId(name), HOST, inode=ord(name))
        scribe.open("ann")
        drafts.append(scribe.draft({b"App.js": a_file(name.encode())}))
    together = threading.Barrier(len(drafts))

    def commit(draft):
        together.wait()
        try:
            catalog.commit(draft)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(len(drafts)) as pool:
        done = list(pool.map(commit, drafts))

    assert len(builds(catalog)) == 2
    assert sum(done) == (8 if rules.evicts else 2)


def test_a_build_that_is_begun_may_not_be_too_big(catalog):
    catalog.quotas = QuotaRules(max_builds=9, max_build_bytes=100)
    written(catalog, "watched", size=100)  # what a directory holds is cut before

    for trigger in ("fork", "import", "template"):
        with pytest.raises(QuotaExceeded, match="100 B, not 400 B"):
            written(catalog, "made", size=100, trigger=trigger)


def test_no_rules_are_no_limit(catalog):
    assert isinstance(catalog, PostgresCatalog)
    for name in "abc":
        written(catalog, name)
    assert builds(catalog) == ["a", "b", "c"]
