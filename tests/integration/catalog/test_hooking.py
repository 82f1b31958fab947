"""Which versions a command is run on: the newest, once, by one host."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from cataloging import HOST, OTHER_HOST, SHOP, Scribe, a_file
from expokeep.catalog.hooking import MOST_TRIES, HookQueue, HookRuns

LABEL = "INSERT INTO label (session, name, seq) SELECT id, 'x', 1 FROM session"
PASSED = {
    "outcome": "passed",
    "status": 0,
    "signal": None,
    "took_s": 0.5,
    "output": "all green\n",
    "is_cut": False,
    "reason": "",
}


@pytest.fixture
def queue(catalog):
    return HookQueue(catalog.database, HOST, "all")


def recorded(catalog, *names):
    """Record versions of a moment ago, each with another file."""
    scribe = Scribe(catalog)
    versions = [scribe.record({name: a_file(name)}) for name in names]
    catalog.database.run(
        lambda connection: connection.execute("UPDATE version SET taken_at = now()")
    )
    return versions


def test_only_the_newest_version_is_due_and_only_once(catalog, queue):
    recorded(catalog, b"a", b"b")

    assert queue.due() == [SHOP]
    assert queue.claim(SHOP, "true") == 2
    queue.finish(SHOP, 2, PASSED)
    assert queue.due() == []
    assert queue.claim(SHOP, "true") is None


def test_of_many_who_claim_one_has_it(catalog):
    recorded(catalog, b"a")
    hosts = [HookQueue(catalog.database, HOST, "all")] + [
        HookQueue(catalog.database, OTHER_HOST, "all")
    ] * 3

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: one.claim(SHOP, "true"), hosts))

    assert sorted(map(str, found)) == ["1", "None", "None", "None"]


def test_what_was_begun_is_taken_up_by_its_own_host_a_few_times(catalog, queue):
    recorded(catalog, b"a")
    other = HookQueue(catalog.database, OTHER_HOST, "all")
    for _ in range(MOST_TRIES):
        assert queue.claim(SHOP, "true") == 1
        assert other.claim(SHOP, "true") is None

    assert queue.claim(SHOP, "true") is None
    assert queue.due() == []


def test_what_is_old_is_nobodys_hurry(catalog, queue):
    Scribe(catalog).record({b"a": a_file(b"a")})
    catalog.database.run(
        lambda connection: connection.execute(
            "UPDATE version SET taken_at = now() - interval '2 days'"
        )
    )

    assert queue.due() == []


@pytest.mark.parametrize(
    ("versions", "change", "is_due"),
    [
        ("saved", "UPDATE version SET trigger = 'auto'", False),
        ("saved", "UPDATE version SET trigger = 'save'", True),
        ("labelled", "SELECT 1", False),
        (
            "labelled",
            "INSERT INTO label (session, name, seq) SELECT id, 'x', 1 FROM session",
            True,
        ),
    ],
)
def test_a_setting_says_which_versions(catalog, versions, change, is_due):
    recorded(catalog, b"a")
    catalog.database.run(lambda connection: connection.execute(change))
    queue = HookQueue(catalog.database, HOST, versions)

    assert queue.due() == ([SHOP] if is_due else [])
    assert queue.claim(SHOP, "true") == (1 if is_due else None)


def test_what_came_of_it_goes_with_its_version(catalog, queue):
    recorded(catalog, b"a")
    queue.claim(SHOP, "npm test")
    queue.finish(SHOP, 1, PASSED)
    runs = HookRuns(catalog.database)

    run = runs.of_version(SHOP, 1)
    brief = runs.of_session(SHOP, [1])[1]

    assert (run.outcome, run.output, run.command) == (
        "passed",
        "all green\n",
        "npm test",
    )
    assert (brief.outcome, brief.output) == ("passed", "")
    with psycopg.connect(catalog.database._dsn) as connection:
        connection.execute("SET search_path = expokeep")
        connection.execute("UPDATE session SET head_seq = NULL")
        connection.execute("DELETE FROM version")
    assert runs.of_version(SHOP, 1) is None


def test_the_result_of_a_host_that_lost_its_claim_is_not_written(catalog, queue):
    recorded(catalog, b"a")
    stranger = HookQueue(catalog.database, type(HOST)(uuid.UUID(int=9), "nine"), "all")
    queue.claim(SHOP, "true")

    stranger.finish(SHOP, 1, PASSED)

    assert HookRuns(catalog.database).of_version(SHOP, 1).outcome is None
