"""Builds as their owners see them, and what is said before one goes."""

import datetime
from types import SimpleNamespace

import pytest

from cataloging import NOON, Scribe, a_file
from expokeep.catalog.builds import PostgresBuilds, Wanted, Whose
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.marking import PostgresMarks
from expokeep.model.names import SessionId
from expokeep.service.events import Events
from expokeep.service.outlook import warning
from expokeep.settings.load import load

DAYS = 30


@pytest.fixture
def builds(catalog):
    return PostgresBuilds(catalog.database, DAYS)


@pytest.fixture
def aged(catalog):
    """Lets a session look as if nobody had come for it in so many days."""

    def aged(session, days):
        with catalog.database.apart(answer_s=5) as connection:
            for query in (
                (
                    "UPDATE version SET recorded_at = now() - %(ago)s FROM session"
                    " WHERE session.id = version.session AND sid = %(sid)s"
                ),
                (
                    "UPDATE session SET accessed_at = now() - %(ago)s,"
                    " created_at = now() - %(ago)s WHERE sid = %(sid)s"
                ),
            ):
                ago = datetime.timedelta(days=days)
                connection.execute(query, {"ago": ago, "sid": session})

    return aged


def written(catalog, name, owner="ann", files=None, **changes):
    scribe = Scribe(catalog, SessionId(name), inode=abs(hash(name)) % 10**9)
    scribe.open(owner)
    tree = {path: a_file(text) for path, text in (files or {b"App.js": b"x"}).items()}
    return scribe.record(tree, **changes)


def names(found):
    return [build.session for build in found]


def test_a_list_shows_all_that_the_homepage_does(catalog, builds):
    icon, other = b"assets/images/icon.png", b"assets/icon.txt"
    version = written(
        catalog,
        "shop",
        files={icon: b"png", other: b"no", b"App.js": b"12345"},
        project_name="Shop",
        message="before the demo",
    )
    PostgresMarks(catalog.database).label(version, "demo")

    (build,) = builds.listed(Whose(owner="ann"), Wanted())

    assert (build.session, build.owner, build.project_name) == ("shop", "ann", "Shop")
    assert (build.version, build.file_count, build.size_bytes) == (1, 3, 10)
    assert (build.message, list(build.labels)) == ("before the demo", ["demo"])
    assert (build.saved_at, build.icon) == (NOON, icon)
    assert (build.is_pinned, build.is_shared, build.parked) == (False, False, None)
    age = build.expires_at - build.accessed_at
    assert datetime.timedelta(DAYS - 1) < age < datetime.timedelta(DAYS + 1)


def test_nobody_sees_the_builds_of_another(catalog, builds):
    for name, owner in (("a", "ann"), ("b", "bob"), ("t", "team-blue"), ("n", None)):
        written(catalog, name, owner)

    for owner, seen in (("ann", ["a"]), ("team-blue", ["t"]), ("carol", [])):
        assert names(builds.listed(Whose(owner=owner), Wanted())) == seen
    assert names(builds.listed(Whose(uid=1), Wanted())) == []
    assert sorted(names(builds.listed(Whose(), Wanted()))) == ["a", "b", "n", "t"]
    other = Wanted(session=SessionId("b"))
    assert builds.listed(Whose(owner="ann"), other) == []


def test_pages_hold_every_build_once(catalog, builds, aged):
    for number in range(7):
        written(catalog, f"s{number}")
        aged(f"s{number}", number // 2)  # some at the very same time
    seen, wanted = [], Wanted(limit=2)
    while page := builds.listed(Whose(owner="ann"), wanted):
        seen += names(page)
        last = page[-1]
        wanted = Wanted(limit=2, after_at=last.accessed_at, after=last.session)

    assert sorted(seen) == [f"s{number}" for number in range(7)]
    assert names(builds.listed(Whose(owner="ann"), Wanted())) == seen


def test_deleted_and_parked_builds_are_told_of(catalog, builds):
    written(catalog, "gone")
    written(catalog, "over", moves_head=False, parked="over quota: 1 of 1")
    PostgresDeleting(catalog.database).delete(SessionId("gone"))

    (gone,) = builds.listed(Whose(owner="ann"), Wanted(deleted=True))
    (over,) = builds.listed(Whose(owner="ann"), Wanted())

    assert (gone.session, gone.expired) == ("gone", False)
    assert (over.version, over.parked) == (None, "over quota: 1 of 1")
    assert builds.over_quota(Whose(owner="ann"), limit=9) == {"over": over.parked}
    assert builds.over_quota(Whose(owner="bob"), limit=9) == {}


def test_a_build_that_goes_soon_is_told_of_once_until_somebody_comes(
    catalog, builds, aged
):
    for name, days in (("old", 28), ("young", 3), ("pinned", 28)):
        version = written(catalog, name)
        aged(name, days)
    PostgresMarks(catalog.database).pin(version, is_pinned=True)
    events = Events()
    settings = load(path=None, environ={}, flags={"retention.days": str(DAYS)}).settings
    backends = SimpleNamespace(catalog=catalog)
    engine = SimpleNamespace(settings=settings, backends=backends)
    (chore,) = warning(engine, events)

    for _ in range(2):
        chore.act(lambda: False)
    told = [(one.kind, one.session) for one in events.since(None)]
    aged("old", 1)
    chore.act(lambda: False)
    aged("old", 29)
    chore.act(lambda: False)

    assert told == [("expiry.warned", "old")]
    assert len(events.since(None)) == 2
    soon = builds.expiring_soon(Whose(owner="ann"), warn_s=86400 * 3, limit=9)
    assert names(soon) == ["old"]
    assert builds.expiring_soon(Whose(owner="bob"), warn_s=86400 * 3, limit=9) == []


def test_what_a_list_says_is_when_it_goes(catalog, builds, aged):
    written(catalog, "shop")
    deleting = PostgresDeleting(catalog.database)

    for days, goes in ((29, []), (31, ["shop"])):
        aged("shop", days)
        (build,) = builds.listed(Whose(), Wanted())
        assert (build.expires_at < catalog.server_time()) is bool(goes)
        assert deleting.expire(days=DAYS) == goes
