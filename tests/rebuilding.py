"""A catalog that was lost, and what a rebuild makes of its bucket."""

import contextlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from databases import fresh_database
from expokeep.catalog.connection import Database
from expokeep.catalog.noting import PostgresFacts
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.reviver import PostgresRebuilding
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.rebuild.noting import Noter
from expokeep.rebuild.run import Tools, rebuilt
from expokeep.rebuild.values import Report
from expokeep.retention.generation import newest
from expokeep.store.base import Store
from expokeep.store.memory import MemoryStore
from journeys import Keeper, keeper

LABELS = """
SELECT s.sid, l.name, l.seq, l.labelled_at, v.pack
  FROM label l
  JOIN session s ON s.id = l.session
  JOIN version v ON v.session = l.session AND v.seq = l.seq
 ORDER BY s.sid, l.name
"""
SESSIONS = """
SELECT sid, owner, project_name, root_uid, root_gid, root_mode, last_seq, head_seq,
       created_at, deleted_at, expired, fence, host
  FROM session
 ORDER BY sid
"""
EPOCHS = """
SELECT s.sid, e.number, e.host, e.device, e.inode, e.birth_ns, e.base_seq, e.tip_seq,
       e.tip_pack, e.started_at, e.ended_at
  FROM epoch e JOIN session s ON s.id = e.session
 ORDER BY s.sid, e.number
"""
VERSIONS = """
SELECT s.sid, v.seq, v.epoch, v.parent_seq, v.pack, v.told_by, v.taken_at,
       v.recorded_at, v.trigger, v.tree, v.file_count, v.size_bytes, v.message,
       v.author, v.parked, v.pinned, v.pinned_at, v.origin_session, v.origin_seq
  FROM version v JOIN session s ON s.id = v.session
 ORDER BY s.sid, v.seq
"""


TEMPLATES = """
SELECT s.sid, t.name, t.owner, t.uid, t.seq, t.created_at
  FROM template t JOIN session s ON s.id = t.session
 ORDER BY s.sid, t.name
"""


def told(dsn: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of a catalog that a person may care about, without its ids."""
    asked = {
        "sessions": SESSIONS,
        "epochs": EPOCHS,
        "versions": VERSIONS,
        "labels": LABELS,
        "templates": TEMPLATES,
    }
    with psycopg.connect(
        dsn, row_factory=dict_row, options="-csearch_path=expokeep"
    ) as connection:
        return {
            name: connection.execute(query).fetchall() for name, query in asked.items()
        }


def changed(dsn: str, statement: str, *values: object) -> None:
    """Change rows as a verb would."""
    with psycopg.connect(dsn, options="-csearch_path=expokeep") as connection:
        connection.execute(statement, values)


def trees(catalog: PostgresCatalog) -> dict[tuple[str, int], Any]:
    """Return the tree of every version, to the nanosecond."""
    found = {}
    for row in catalog.sessions(limit=1000):
        for version in catalog.versions(row.session):
            tree = catalog.tree(version)
            found[version.session, version.seq] = {
                path: (entry, entry.mtime_ns) for path, entry in tree.items()
            }
    return found


def trees_by_sid(dsn: str) -> dict[tuple[str, int], Any]:
    """Return the tree of every version of a catalog that somebody else uses."""
    with contextlib.closing(PostgresCatalog(Database(dsn))) as catalog:
        return trees(catalog)


@contextlib.contextmanager
def tools(catalog: PostgresCatalog, store: Store, place: Path) -> Iterator[Tools]:
    """Hold what a rebuild of `catalog` needs."""
    with ThreadPoolExecutor(4) as executor:
        yield Tools(
            store=store,
            prefix="v1/",
            catalog=PostgresRebuilding(catalog.database, "main"),
            read=catalog,
            limits=Limits(),
            place=place / "rebuild",
            executor=executor,
            generation_of=lambda objects: newest(objects, "v1/"),
            progress=lambda *_: None,
            note=noter(catalog.database, store).write,
        )


def noter(database: Database, store: Store, guard=lambda: None) -> Noter:
    """Return what writes all facts at once."""
    return Noter(PostgresFacts(database), store, "v1/", 0.0, 1, guard)


PROJECT = {"package.json": "{}", "App.js": "1", "src/a.js": "a", "src/b.js": "b"}


def write(home: Path, files: dict[str, str]) -> None:
    """Write files of a project."""
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


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


@dataclass
class Loss:
    """A host, its bucket, and the catalog that is to be lost."""

    server_dsn: str
    template: str
    stack: contextlib.ExitStack
    bucket: MemoryStore
    place: Path

    def __post_init__(self) -> None:
        self.catalog, self.dsn = self.catalog_like()
        top = self.place / "host"
        top.mkdir(exist_ok=True)
        self.host = self.stack.enter_context(keeper(self.catalog, self.bucket, top))

    def catalog_like(self, dsn: str | None = None) -> tuple[PostgresCatalog, str]:
        """Return a catalog as another one is now, or an empty one, and its DSN."""
        template = conninfo_to_dict(dsn)["dbname"] if dsn else self.template
        made = self.stack.enter_context(fresh_database(self.server_dsn, template))
        catalog = PostgresCatalog(Database(made))
        self.stack.callback(catalog.close)
        return catalog, made

    def host_on(self, catalog: PostgresCatalog) -> Keeper:
        """Return the host on another catalog, its disk and its id unchanged."""
        there = keeper(catalog, self.bucket, self.host.top)
        moved = self.stack.enter_context(there)
        moved.host = self.host.host
        moved.restart()
        return moved

    def note(self, dsn: str | None = None) -> int:
        """Write all facts into the bucket."""
        with contextlib.closing(Database(dsn or self.dsn)) as database:
            return noter(database, self.bucket).write()

    def rebuild(self, catalog: PostgresCatalog, act=rebuilt, **wish) -> Report:
        """Rebuild a catalog, or do to it whatever `act` does."""
        with tools(catalog, self.bucket, self.place) as hands:
            return act(hands, **wish)
