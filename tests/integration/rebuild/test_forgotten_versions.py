"""What was forgotten stays so, and still carries the chains that go through it."""

import pytest

from expokeep.model.names import SessionId
from rebuilding import PROJECT, told, trees, write
from retaining import Warden

SHOP = SessionId("shop")


def warden(loss, catalog, fan: int = 16) -> Warden:
    return Warden(catalog, loss.bucket, loss.place, loss.host.executor, fan=fan)


@pytest.fixture
def home(loss):
    home = loss.host.home(SHOP)
    home.mkdir()
    write(home, PROJECT)
    for number in range(6):
        write(home, {"App.js": f"{number}"})
        if number == 2:
            # A pack with nothing in it that anybody needs but this.
            (home / "src/b.js").unlink()
        loss.host.save(SHOP)
    return home


def test_it_comes_back_twice_though_rubbish_was_swept_in_between(loss, home):
    warden(loss, loss.catalog).forget(last=2)
    loss.note()
    once, once_dsn = loss.catalog_like()
    loss.rebuild(once)
    # Nobody needs what they hold; but they tell what the newest goes out from.
    warden(loss, once).collect()
    loss.note(once_dsn)
    twice, twice_dsn = loss.catalog_like()

    report = loss.rebuild(twice)

    assert not report.doubts
    assert [row["seq"] for row in told(loss.dsn)["versions"]] == [5, 6]
    assert told(once_dsn) == told(loss.dsn)
    assert told(twice_dsn) == told(loss.dsn)
    assert trees(twice) == trees(loss.catalog)


def test_what_merges_tell_comes_back_from_them(loss, home):
    keeper = warden(loss, loss.catalog, fan=2)
    assert keeper.merge()
    keeper.collect()
    loss.note()
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert not report.doubts
    assert any(row["told_by"] for row in told(dsn)["versions"])
    assert told(dsn) == told(loss.dsn)
    assert trees(fresh) == trees(loss.catalog)


def test_what_merges_tell_comes_back_without_facts_too(loss, home):
    keeper = warden(loss, loss.catalog, fan=2)
    assert keeper.merge()
    keeper.collect()
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert not report.doubts
    assert trees(fresh) == trees(loss.catalog)
    assert told(dsn)["sessions"][0]["head_seq"] == 6


def test_a_session_that_was_purged_is_not_there_again(loss, home):
    keeper = warden(loss, loss.catalog)
    keeper.deletions.delete(SHOP)
    # Everything but its objects.
    keeper.deletions.purge(SHOP, grace_s=0.0, spent_s=0.0)
    loss.note()
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert not report.doubts
    assert not told(dsn)["versions"]
    assert all(row["deleted_at"] for row in told(dsn)["sessions"])
