"""The chores of exports: what is over goes, and nothing else."""

import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from expokeep import clock
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.export import keys
from expokeep.export.exporter import Exporter
from expokeep.model.digest import digest_of
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.restore.local import LocalSource
from expokeep.service.events import Events
from expokeep.service.export_chores import export_chores
from expokeep.service.exporting import compat_wanted, wanted_of
from expokeep.settings.load import load
from expokeep.store.outlet import RetryingOutlet
from expokeep.store.retrying import RetryPolicy
from expokeep.store.s3.outlet import S3Outlet
from expokeep.wiring import Backends, Retaining, exporting_of, retaining_of
from journeys import SHOP, Keeper


@dataclass
class Site:
    keeper: Keeper
    store: RetryingOutlet
    chores: dict
    events: Events
    exporter: Exporter
    source: LocalSource
    retaining: Retaining

    def listed(self) -> list[str]:
        return sorted(
            one.key for one in self.store.list("") if not one.key.startswith("v1/")
        )


@pytest.fixture
def site(catalog, s3_bucket, tmp_path: Path) -> Iterator[Site]:
    with ThreadPoolExecutor(4) as pool, closing(S3Outlet(s3_bucket)) as bucket:
        policy = RetryPolicy(attempts=1)
        store = RetryingOutlet(bucket, policy, wait=lambda _: False, chance=lambda: 0.5)
        keeper = Keeper(catalog, store, tmp_path, pool)
        keeper.home(SHOP).mkdir()
        settings = load(
            path=None,
            environ={"EXPOKEEP_STATE_DIR": str(tmp_path)},
            flags={"compat-archive": "always", "spool.min-free": "0B"},
        ).settings
        fetcher = Fetcher(store, RangeCache(tmp_path / "c", 1 << 20), pool, ahead=4)
        backends = Backends(catalog, store)
        engine = SimpleNamespace(
            settings=settings, host=keeper.host, backends=backends, fetcher=fetcher
        )
        catalog.heartbeat(keeper.host, lease_s=60)
        events = Events()
        chores = {chore.name: chore for chore in export_chores(engine, events)}
        made = exporting_of(settings, backends, fetcher, keeper.host)
        retaining = retaining_of(settings, backends, fetcher, keeper.host)
        site = Site(
            keeper, store, chores, events, made.exporter, made.source, retaining
        )
        (keeper.home(SHOP) / "App.js").write_text("1")
        keeper.save(SHOP)
        yield site


def never() -> bool:
    return False


def published(site: Site):
    wanted = wanted_of(site.source.offer(SHOP), site.source, "zip", ())
    return site.exporter.publish(wanted)[0]


def test_what_was_lent_goes_when_it_is_over_and_what_is_not_stays(site, tmp_path):
    now = clock.now()
    empty = tmp_path / "empty"
    empty.touch()
    over, lasting = (
        keys.lent_key(now + datetime.timedelta(minutes=minutes), 43 * "x", "a.zip")
        for minutes in (-10, 10)
    )
    for key in (over, lasting, "exports/somebody-elses"):
        site.store.put_file(key, empty, sha256=digest_of(b""))

    site.chores["exports"].act(never)

    assert site.listed() == sorted([lasting, "exports/somebody-elses"])


def test_what_is_public_of_a_deleted_session_is_withdrawn(site):
    one = published(site)
    site.chores["exports"].act(never)
    assert one.key in site.listed()

    PostgresDeleting(site.keeper.catalog.database).delete(SHOP)
    site.chores["exports"].act(never)

    assert site.listed() == []


def test_the_applications_archive_follows_the_head_and_costs_nothing_at_rest(site):
    chore = site.chores["compat-archive"]
    assert chore.may_be_due()
    chore.act(never)
    assert site.listed() == [keys.compat_key(SHOP)]
    assert not chore.may_be_due()

    (site.keeper.home(SHOP) / "App.js").write_text("2")
    version = site.keeper.save(SHOP)
    site.events.publish("version.created", SHOP)
    assert chore.may_be_due()
    chore.act(never)

    assert site.store.notes(keys.compat_key(SHOP))["tree"] == version.tree.hex()
    assert not site.exporter.compat(compat_wanted(site.source, SHOP))


def test_the_archive_of_a_purged_session_goes_unless_it_is_not_ours(site, tmp_path):
    site.chores["compat-archive"].act(never)
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"made by the application")
    digest = digest_of(b"made by the application")
    others = "builds/other/build.tar.gz"
    site.store.put_file(others, foreign, sha256=digest)
    deleting = PostgresDeleting(site.keeper.catalog.database)

    deleting.delete(SHOP)
    site.chores["exports"].act(never)
    assert keys.compat_key(SHOP) in site.listed()  # it can be had back
    assert site.retaining.collector.purge_now(SHOP)
    site.chores["exports"].act(never)

    assert site.listed() == [others]


def test_what_was_noted_and_never_arrived_is_listed_and_withdrawn(site, tmp_path):
    """Killed between the note and the archive."""
    empty = tmp_path / "empty"
    empty.touch()
    one = keys.Published(SHOP, 1, clock.now().replace(microsecond=0), 43 * "y", "zip")
    site.store.put_file(one.note_key, empty, sha256=digest_of(b""))

    assert site.exporter.published(SHOP) == [one]
    site.exporter.withdraw([one])

    assert site.listed() == []


def test_what_is_public_has_the_address_that_the_world_knows(site):
    """And what ends has that of the S3 endpoint, where a signature is good."""
    world = replace(site.exporter.site, public_url="https://builds.example.com/")
    exporter = Exporter(world)
    wanted = wanted_of(site.source.offer(SHOP), site.source, "zip", ())
    one, _ = exporter.publish(wanted)

    assert exporter.link(one) == (f"https://builds.example.com/{one.key}", None)
    url, until = site.exporter.link(one)
    assert "builds.example.com" not in url
    assert until is not None
    lent = exporter.lend(wanted, 60.0)
    assert lent.url.startswith("http://127.0.0.1")
    assert "X-Amz-Expires=60" in lent.url
