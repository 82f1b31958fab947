"""Facts reach the bucket once, in order, and only then leave Postgres."""

import datetime

import psycopg
import pytest

from expokeep.catalog.migrate import Migrations, known_migrations
from expokeep.catalog.noting import PostgresFacts
from expokeep.errors import BackendUnreachable
from expokeep.model.names import SessionId
from expokeep.pack.facts import decode_facts
from expokeep.rebuild.folding import Folder
from expokeep.rebuild.noting import Noter
from expokeep.retention.generation import OldCatalog
from rebuilding import PROJECT, changed, told, write

OLD_ROWS = """
INSERT INTO scope (name) VALUES ('main');
INSERT INTO host VALUES (gen_random_uuid(), 'one', now());
INSERT INTO session (sid, scope, root_uid, root_gid, root_mode, last_seq)
SELECT 'shop', scope.id, 0, 0, 0, 2 FROM scope;
INSERT INTO epoch (session, number, host, device, inode, birth_ns)
SELECT session.id, 1, host.id, 1, 1, 1 FROM session, host;
INSERT INTO version (session, seq, epoch, pack, taken_at, trigger, tree, file_count,
                     size_bytes)
SELECT session.id, seq, 1, gen_random_uuid(), now(), 'auto', sha256(''), 0, 0
  FROM session, generate_series(1, 2) AS seq
"""
SHOP = SessionId("shop")
NEVER = 10_000


@pytest.fixture
def home(loss):
    home = loss.host.home(SHOP)
    home.mkdir()
    write(home, PROJECT)
    loss.host.save(SHOP)
    return home


def noter(loss, *, max_age_s=0.0, max_count=1, store=None) -> Noter:
    facts = PostgresFacts(loss.catalog.database)
    store = store or loss.bucket
    return Noter(facts, store, "v1/", max_age_s, max_count, guard=lambda: None)


def waiting(loss) -> int:
    return PostgresFacts(loss.catalog.database).waiting(NEVER)[0]


def written(loss) -> dict:
    found = [one.key for one in loss.bucket.list("v1/_meta/facts/")]
    return {
        key: decode_facts(loss.bucket.get(key, 0, loss.bucket.head(key).size_bytes))
        for key in sorted(found)
    }


def test_what_was_put_and_not_dropped_is_put_again_as_the_same_object(
    loss, home, monkeypatch
):
    class Killed(Exception):
        pass

    def die(_name):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("expokeep.rebuild.noting.point", die)
        with pytest.raises(Killed):
            noter(loss).write()
    once, waits = written(loss), waiting(loss)

    noter(loss).write()

    assert waits > 0
    assert written(loss) == once
    assert waiting(loss) == 0


def test_what_the_bucket_did_not_take_waits(loss, home):
    class Away:
        def put_file(self, *_args, **_more):
            raise BackendUnreachable("away")

    before = waiting(loss)

    with pytest.raises(BackendUnreachable):
        noter(loss, store=Away()).write()

    assert waiting(loss) == before > 0


def test_nothing_is_written_where_there_is_nothing(loss):
    assert noter(loss).write() == 0
    assert not written(loss)


@pytest.mark.parametrize(
    ("max_age_s", "max_count", "objects"),
    [(300.0, NEVER, 0), (300.0, 2, 1), (0.0, NEVER, 1)],
)
def test_they_wait_until_they_are_enough_or_old(
    loss, home, max_age_s, max_count, objects
):
    noter(loss, max_age_s=max_age_s, max_count=max_count).act(lambda: False)

    assert len(written(loss)) == objects


def test_what_is_noted_later_counts_more_though_the_clock_went_back(loss, home):
    changed(loss.dsn, "UPDATE fact SET at = at + interval '400 days'")
    changed(loss.dsn, "UPDATE session SET owner = 'first'")
    noter(loss).write()
    changed(loss.dsn, "UPDATE session SET owner = 'last'")
    noter(loss).write()
    fresh, dsn = loss.catalog_like()

    loss.rebuild(fresh)

    assert told(dsn)["sessions"][0]["owner"] == "last"
    facts = [fact for part in written(loss).values() for fact in part]
    assert min(fact.at for fact in facts) > datetime.datetime.now(
        datetime.UTC
    ) + datetime.timedelta(days=300)


def test_rows_from_before_there_were_facts_are_facts(database_url):
    known = known_migrations()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET search_path = expokeep")
        first = Migrations(connection, tuple(known[:1]))
        first.prepare("expokeep")
        first.apply(known[0], "expokeep")
        connection.execute(OLD_ROWS)

        Migrations(connection, tuple(known)).apply(known[1], "expokeep")

        facts = connection.execute(
            "SELECT kind, sid, gone, body ->> 'seq' FROM fact ORDER BY id"
        ).fetchall()
    assert facts == [
        ("session", "shop", False, None),
        ("epoch", "shop", False, None),
        ("version", "shop", False, "1"),
        ("version", "shop", False, "2"),
    ]


def test_the_heartbeat_tells_whether_facts_wait(loss, home):
    while_they_wait = loss.catalog.heartbeat(loss.host.host, lease_s=30)
    noter(loss).write()
    after = loss.catalog.heartbeat(loss.host.host, lease_s=30)

    assert (while_they_wait, after) == (True, False)


def test_many_objects_become_one_that_says_the_same(loss, home):
    for number in range(4):
        write(home, {"App.js": f"{number}"})
        loss.host.save(SHOP)
        noter(loss).write()
    facts = {(fact.at, fact.id) for part in written(loss).values() for fact in part}
    guarded = []

    Folder(loss.bucket, "v1/", lambda: guarded.append(1), 3).act(lambda: False)
    Folder(loss.bucket, "v1/", lambda: guarded.append(1), 3).act(lambda: False)

    (one,) = written(loss).values()
    assert {(fact.at, fact.id) for fact in one} == facts
    assert guarded == [1]
    fresh, dsn = loss.catalog_like()
    loss.rebuild(fresh)
    assert told(dsn) == told(loss.dsn)


def test_facts_are_not_deleted_by_a_catalog_that_may_not(loss, home):
    noter(loss).write()
    write(home, {"App.js": "2"})
    loss.host.save(SHOP)
    noter(loss).write()
    before = written(loss)

    def refuse():
        raise OldCatalog(1, 2)

    with pytest.raises(OldCatalog):
        Folder(loss.bucket, "v1/", refuse, 2).act(lambda: False)

    assert before.items() <= written(loss).items()
