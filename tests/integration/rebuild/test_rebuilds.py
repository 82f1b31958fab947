"""The bucket alone is enough: a catalog that is lost comes back as it was."""

import pytest

from expokeep.model.names import SessionId
from expokeep.rebuild.run import CatalogNotEmpty
from journeys import seen_in
from rebuilding import PROJECT, fill, told, trees, write

SHOP = SessionId("shop")


def test_a_lost_catalog_comes_back_as_it_was(loss):
    fill(loss.host, loss.dsn)
    loss.note()
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert not report.damaged
    assert not report.doubts
    assert told(dsn) == told(loss.dsn)
    assert trees(fresh) == trees(loss.catalog)


def test_without_facts_every_version_comes_back_and_heads_go_by_the_rule(loss):
    fill(loss.host, loss.dsn)
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert not report.doubts
    assert report.adopted == report.versions
    assert report.ownerless == ["blog", "old", "shop"]
    before, after = told(loss.dsn), told(dsn)
    for column in ("tree", "parked", "seq", "parent_seq"):
        assert [row[column] for row in after["versions"]] == [
            row[column] for row in before["versions"]
        ]
    heads = {row["sid"]: row["head_seq"] for row in after["sessions"]}
    assert heads == {row["sid"]: row["head_seq"] for row in before["sessions"]}
    kept = trees(fresh)
    assert {key: kept[key] for key in trees(loss.catalog)} == trees(loss.catalog)


def test_a_rebuild_of_what_is_not_empty_is_refused(loss):
    fill(loss.host, loss.dsn)
    before = told(loss.dsn)

    with pytest.raises(CatalogNotEmpty):
        loss.rebuild(loss.catalog)

    assert told(loss.dsn) == before


def test_a_dry_run_tells_what_would_come_back_and_writes_nothing(loss):
    fill(loss.host, loss.dsn)
    loss.note()
    fresh, dsn = loss.catalog_like()

    would = loss.rebuild(fresh, dry_run=True)
    nothing = told(dsn)
    does = loss.rebuild(fresh)

    assert not nothing["sessions"]
    assert (would.sessions, would.versions, would.packs) == (3, 11, 12)
    assert (would.versions, would.parked) == (does.versions, does.parked)
    assert not would.doubts


def test_a_host_goes_on_where_it_was_on_a_catalog_that_was_rebuilt(loss):
    home = loss.host.home(SHOP)
    home.mkdir()
    write(home, PROJECT)
    loss.host.save(SHOP)
    loss.note()
    write(home, {"App.js": "2"})
    loss.host.save(SHOP)  # after the last facts
    write(home, {"App.js": "3"})
    loss.host.look(SHOP)  # sealed, and not shipped any more
    fresh, dsn = loss.catalog_like()
    loss.rebuild(fresh)

    here = loss.host_on(fresh)
    here.ship(SHOP)
    write(home, {"App.js": "4"})
    here.save(SHOP)

    rows = told(dsn)["versions"]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert [row["parent_seq"] for row in rows] == [None, 1, 2, 3]
    assert [row["epoch"] for row in rows] == [1, 1, 1, 1]
    assert [row["parked"] for row in rows] == [None] * 4
    assert told(dsn)["sessions"][0]["head_seq"] == 4
    here.restore("shop@3", loss.place / "back")
    assert (loss.place / "back/App.js").read_text() == "3"


def test_a_host_goes_on_without_any_fact_too(loss):
    home = loss.host.home(SHOP)
    home.mkdir()
    write(home, PROJECT)
    loss.host.save(SHOP)
    write(home, {"App.js": "2"})
    loss.host.look(SHOP)
    fresh, dsn = loss.catalog_like()
    loss.rebuild(fresh)

    here = loss.host_on(fresh)
    here.ship(SHOP)

    row, *_ = told(dsn)["sessions"]
    assert (row["head_seq"], row["root_uid"]) == (2, home.stat().st_uid)
    here.restore("shop", loss.place / "back")
    assert seen_in(loss.place / "back") == seen_in(home)
