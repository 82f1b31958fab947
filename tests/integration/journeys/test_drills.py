"""A drill proves that a version comes back from the bucket, and from nowhere else."""

import os
from dataclasses import replace

import pytest

from expokeep.catalog.drilling import PostgresSampler
from expokeep.catalog.proofs import PostgresProofs
from expokeep.clock import now
from expokeep.errors import BackendUnreachable, NoSpace
from expokeep.restore.cache import RangeCache
from expokeep.restore.drill import Drill
from expokeep.restore.fetch import Fetcher
from expokeep.restore.ranges import RANGE_BYTES, coalesced, pieces
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper


class Mutable(MemoryStore):
    """A store whose objects a test may harm."""

    away = False

    def get(self, key, start, length):
        if self.away:
            raise BackendUnreachable("no answer")
        return super().get(key, start, length)


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, Mutable(), tmp_path) as here:
        home = here.home(SHOP)
        (home / "src").mkdir(parents=True)
        (home / "package.json").write_text("{}")
        (home / "src/app.js").write_text("// one\n" * 100)
        (home / "link").symlink_to("src")
        (home / "secret").write_bytes(b"")
        (home / "secret").chmod(0o600)
        (home / "film.mov").write_bytes(os.urandom(9 << 20))
        here.version = here.save()
        yield here


@pytest.fixture
def drill(host, catalog, tmp_path):
    cache = RangeCache(tmp_path / "drill-cache", 1 << 30)
    return Drill(
        catalog=catalog,
        sampler=PostgresSampler(catalog.database),
        proofs=PostgresProofs(catalog.database, host.host),
        fetcher=Fetcher(host.store, cache, host.executor, ahead=4),
        scratch=tmp_path / "scratch",
        host="here",
        now=now,
    )


def lose(host):
    for key in list(host.store._objects):
        del host.store._objects[key]


def test_a_version_that_comes_back_is_proved(host, drill, catalog):
    receipt = drill.drill(host.version)

    assert receipt.is_well
    assert receipt.tree == host.version.tree
    assert receipt.file_count == host.version.file_count == 4
    assert receipt.size_bytes == host.version.size_bytes
    assert list(drill.scratch.iterdir()) == []
    proof = drill.proofs.last("drill")
    assert proof.is_well
    assert (proof.body["session"], proof.body["seq"]) == (SHOP, 1)


def test_nothing_but_the_bucket_is_asked(host, drill, tmp_path):
    # A cache that holds all of it, and a directory that is as it was, are no help.
    places = drill.catalog.kept(host.version).places.values()
    for whole in coalesced(places):
        contents = host.store._objects[whole.key]
        for start, length in pieces(whole, most=RANGE_BYTES):
            part = contents[start : start + length]
            drill.fetcher.cache.put(whole.key, start, part)
    lose(host)

    receipt = drill.drill(host.version)

    assert not receipt.is_well
    assert "v1/main/shop" in receipt.error
    assert list(drill.scratch.iterdir()) == []
    assert not drill.proofs.last("drill").is_well


def test_a_drill_is_no_restore_for_anybody(host, drill, catalog):
    accessed = catalog.session(SHOP).accessed_at

    drill.drill(host.version)

    assert catalog.session(SHOP).accessed_at == accessed


def test_a_server_that_is_away_proves_nothing(host, drill):
    host.store.away = True

    with pytest.raises(BackendUnreachable):
        drill.drill(host.version)

    assert drill.proofs.last("drill") is None
    assert list(drill.scratch.iterdir()) == []


def test_the_reserve_of_the_disk_is_left_alone(host, drill):
    with pytest.raises(NoSpace):
        replace(drill, min_free_bytes=1 << 60).drill(host.version)

    assert drill.proofs.last("drill") is None


def test_what_a_killed_drill_left_is_removed(host, drill):
    left = drill.scratch / "99999999-left"
    (left / "tree/deep").mkdir(parents=True)
    (left / "tree/deep").chmod(0o500)

    drill.drill(host.version)

    assert not left.exists()


def test_versions_at_random_are_others_each_time(host, drill, catalog):
    for number in range(5):
        (host.home(SHOP) / "package.json").write_text(f"{{}} {number}")
        host.save()

    picked = {
        drill.sampler.some(1, seed=str(seed), at_most_bytes=1 << 40)[0].seq
        for seed in range(40)
    }

    assert len(picked) > 3
    assert len(drill.sampler.some(99, seed="x", at_most_bytes=1 << 40)) == 6
    assert drill.sampler.some(1, seed="x", at_most_bytes=1000) == []
