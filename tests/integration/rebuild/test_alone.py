"""Restores from the bucket alone, while there is no Postgres."""

import contextlib

import pytest

from expokeep import clock
from expokeep.catalog.caring import WasDeleted
from expokeep.catalog.values import Host
from expokeep.errors import NotFound
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.model.version import parse_version_ref
from expokeep.rebuild.alone import BucketCatalog
from expokeep.restore.local import LocalSource
from expokeep.restore.run import Wish, restore
from journeys import seen_in
from rebuilding import fill, trees, write

SHOP, TWIN = SessionId("shop"), SessionId("twin")
SELECTORS = [
    "shop",
    "shop@3",
    "shop@-1",
    "shop@-2",
    "shop@good",
    "shop@label:good",
    "shop@0s",
    "shop@2030-01-01",
    "shop@2020-01-01",
    "shop@99",
    "shop@label:none",
]


@pytest.fixture
def alone(loss):
    fill(loss.host, loss.dsn)
    loss.note()
    return BucketCatalog(loss.bucket, "v1/", "main", Limits(), loss.host.executor)


def test_every_version_is_what_it_was(loss, alone):
    kept = trees(loss.catalog)

    for (sid, seq), tree in kept.items():
        version = alone.resolve(parse_version_ref(f"{sid}@{seq}", now=clock.now()))
        assert version == loss.catalog.resolve(
            parse_version_ref(f"{sid}@{seq}", now=clock.now())
        )
        found = alone.tree(version)
        assert {p: (one, one.mtime_ns) for p, one in found.items()} == tree


def test_words_mean_the_same_as_in_the_catalog(loss, alone):
    def meant(catalog, words):
        with contextlib.suppress(NotFound):
            return catalog.resolve(parse_version_ref(words, now=clock.now()))
        return None

    assert {words: meant(alone, words) for words in SELECTORS} == {
        words: meant(loss.catalog, words) for words in SELECTORS
    }


def test_it_restores_what_other_sessions_stored(loss, alone):
    home = loss.host.home(TWIN)
    home.mkdir()
    write(home, {"package.json": "{}", "App.js": "shop 2", "src/a.js": "a"})
    loss.host.save(TWIN)
    loss.note()
    source = LocalSource(
        alone,
        loss.host.source._fetcher,
        Host(loss.host.host.id, "x"),
        home=lambda _session: None,
        now=clock.now,
    )

    restore(source, Wish("twin", loss.place / "back"))

    assert seen_in(loss.place / "back") == seen_in(home)


def test_what_was_deleted_is_not_told(alone):
    with pytest.raises(WasDeleted):
        alone.resolve(parse_version_ref("old", now=clock.now()))
    with pytest.raises(NotFound):
        alone.resolve(parse_version_ref("never", now=clock.now()))
