"""The bucket alone is enough: a catalog that is lost comes back as it was."""

import shutil
from contextlib import ExitStack

import pytest

from databases import fresh_database
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.model.names import SessionId
from expokeep.rebuild.run import CatalogNotEmpty, rebuilt
from expokeep.store.memory import MemoryStore
from journeys import Keeper, keeper, seen_in
from rebuilding import changed, noter, told, tools, trees

PROJECT = {"package.json": "{}", "App.js": "1", "src/a.js": "a", "src/b.js": "b"}


def write(home, files):
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def bucket():
    return MemoryStore()


@pytest.fixture
def host(catalog, bucket, tmp_path):
    with keeper(catalog, bucket, tmp_path / "host") as here:
        (tmp_path / "host").mkdir(exist_ok=True)
        yield here


@pytest.fixture
def emptied(postgres_server, catalog_template):
    """Gives migrated catalogs that hold nothing, each with its DSN."""
    with ExitStack() as stack:

        def emptied():
            dsn = stack.enter_context(
                fresh_database(postgres_server.dsn, catalog_template)
            )
            catalog = PostgresCatalog(Database(dsn))
            stack.callback(catalog.close)
            return catalog, dsn

        yield emptied


def fill(host: Keeper, dsn: str) -> None:
    """Let three sessions live through all that a catalog can tell of them."""
    for name in ("shop", "blog", "old"):
        sid = SessionId(name)
        home = host.home(sid)
        home.mkdir(parents=True)
        write(home, PROJECT)
        host.save(sid, owner="alice", message="first", trigger="save")
        write(home, {"App.js": f"{name} 2", "src/new.js": name})
        host.save(sid)
        (home / "src/a.js").unlink()
        (home / "bin").write_bytes(b"x" * 9_000_000)
        host.save(sid, message="with something big")
    shop = host.home(SessionId("shop"))
    shutil.rmtree(shop)
    shop.mkdir()
    write(shop, {"package.json": "{}", "App.js": "blank"})
    host.save(SessionId("shop"))  # parked: a blank template
    host.restore("shop@2", shop, existing="swap")
    write(shop, {"App.js": "after a restore"})
    host.save(SessionId("shop"), author="bob")
    changed(
        dsn,
        "INSERT INTO label (session, name, seq) SELECT id, 'good', 2"
        " FROM session WHERE sid = 'shop'",
    )
    changed(dsn, "UPDATE version SET pinned = true WHERE seq = 1")
    changed(dsn, "UPDATE version SET message = 'said later' WHERE seq = 2")
    changed(dsn, "UPDATE session SET deleted_at = now() WHERE sid = 'old'")


def test_a_lost_catalog_comes_back_as_it_was(
    host, bucket, catalog, catalog_url, emptied, tmp_path
):
    fill(host, catalog_url)
    noter(catalog_url, bucket).write()
    fresh, dsn = emptied()

    with tools(fresh, bucket, tmp_path) as hands:
        report = rebuilt(hands)

    assert not report.damaged
    assert not report.doubts
    assert told(dsn) == told(catalog_url)
    assert trees(fresh) == trees(catalog)


def test_without_facts_every_version_comes_back_and_heads_go_by_the_rule(
    host, bucket, catalog, catalog_url, emptied, tmp_path
):
    fill(host, catalog_url)
    fresh, dsn = emptied()

    with tools(fresh, bucket, tmp_path) as hands:
        report = rebuilt(hands)

    assert not report.doubts
    assert report.adopted == report.versions
    assert report.ownerless == ["blog", "old", "shop"]
    assert trees(fresh) == trees(catalog) | {
        key: tree for key, tree in trees(fresh).items() if key[0] == "old"
    }
    before, after = told(catalog_url), told(dsn)
    assert [v["tree"] for v in after["versions"]] == [
        v["tree"] for v in before["versions"]
    ]
    print(after["sessions"])
    print([(v["sid"], v["seq"], v["parked"]) for v in after["versions"]])
    print([(v["sid"], v["seq"], v["parked"]) for v in before["versions"]])
