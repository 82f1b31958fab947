"""The chores of forgetting, on the engine of a daemon."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.service.retaining_chores import retaining_chores
from expokeep.settings.load import load
from expokeep.store.memory import MemoryStore
from expokeep.wiring import Backends
from journeys import SHOP, Keeper


@dataclass
class Site:
    """A host that keeps, and the chores of its daemon."""

    keeper: Keeper
    facts_wait: threading.Event
    chores: dict


@pytest.fixture
def site(catalog, tmp_path):
    store = MemoryStore()
    with ThreadPoolExecutor(4) as pool:
        keeper = Keeper(catalog, store, tmp_path, pool)
        keeper.home(SHOP).mkdir()
        settings = load(
            path=None,
            environ={"EXPOKEEP_STATE_DIR": str(tmp_path)},
            flags={"retention.keep-last": "3", "retention.keep-hourly": "0"},
        ).settings
        facts_wait = threading.Event()
        engine = SimpleNamespace(
            settings=settings,
            host=keeper.host,
            backends=Backends(catalog, store),
            spool=keeper.spool,
            fetcher=Fetcher(store, RangeCache(tmp_path / "c", 1 << 20), pool, ahead=4),
            facts_wait=facts_wait,
        )
        catalog.heartbeat(keeper.host, lease_s=60)
        chores = {chore.name: chore for chore in retaining_chores(engine)}
        yield Site(keeper, facts_wait, chores)


def saved(site, count):
    for number in range(count):
        (site.keeper.home(SHOP) / "App.js").write_text(f"{number}")
        site.keeper.save(SHOP)


def never():
    return False


def test_versions_are_forgotten_by_the_settings(site):
    saved(site, 6)

    has_more = site.chores["forget"].act(never)

    assert not has_more
    kept = [version.seq for version in site.keeper.catalog.versions(SHOP)]
    # One a day stays as well, and that is the newest.
    assert kept == [6, 5, 4]


def test_what_is_stopped_goes_on_where_it_was(site):
    saved(site, 6)

    assert site.chores["forget"].act(lambda: True)
    assert len(site.keeper.catalog.versions(SHOP)) == 6
    assert not site.chores["forget"].act(never)
    assert len(site.keeper.catalog.versions(SHOP)) == 3


def test_packs_are_merged_when_something_is_new_and_nothing_waits(site):
    saved(site, 20)
    merge = site.chores["merge"]
    assert not merge.may_be_due()

    site.facts_wait.set()
    (site.keeper.home(SHOP) / "App.js").write_text("sealed")
    site.keeper.look(SHOP)
    assert not merge.may_be_due()

    site.keeper.ship(SHOP)
    assert merge.may_be_due()
    assert not merge.act(never)
    site.chores["collect"].act(never)
    levels = [info.key.split("-")[-6] for info in site.keeper.store.list("v1/main/")]
    assert levels.count("1") == 1


def test_once_the_clock_is_a_month_on_a_build_goes_by_itself(site):
    saved(site, 2)
    catalog = site.keeper.catalog

    def advanced(days):
        """Let everything have happened so much earlier: only the clock is asked."""
        with catalog.database.apart(answer_s=5) as connection:
            for table, column in (
                ("session", "created_at"),
                ("session", "accessed_at"),
                ("session", "deleted_at"),
                ("version", "recorded_at"),
                ("pack", "state_at"),
            ):
                connection.execute(
                    f"UPDATE {table} SET {column} = {column} - %s * interval '1 day'",
                    [days],
                )

    advanced(29)
    site.chores["collect"].act(never)
    assert catalog.session(SHOP) is not None

    advanced(2)
    site.chores["collect"].act(never)
    assert catalog.session(SHOP) is None  # and can be had back for a week

    advanced(8)
    for _ in range(2):
        site.chores["collect"].act(never)
        advanced(8)
    assert list(site.keeper.store.list("v1/main/")) == []
    assert catalog.session(SHOP, deleted_too=True) is None
