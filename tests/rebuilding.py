"""A catalog that was lost, and what a rebuild makes of its bucket."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from expokeep.catalog.connection import Database
from expokeep.catalog.noting import PostgresFacts
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.reviver import PostgresRebuilding
from expokeep.model.guard import Limits
from expokeep.rebuild.noting import Noter
from expokeep.rebuild.run import Tools
from expokeep.retention.generation import newest
from expokeep.store.base import Store

LABELS = """
SELECT s.sid, l.name, l.seq, v.pack
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
       v.recorded_at, v.trigger, v.tree, v.file_count, v.size_bytes, v.message, v.author, v.parked,
       v.pinned, v.pinned_at
  FROM version v JOIN session s ON s.id = v.session
 ORDER BY s.sid, v.seq
"""


def told(dsn: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of a catalog that a person may care about, without its ids."""
    asked = {
        "sessions": SESSIONS,
        "epochs": EPOCHS,
        "versions": VERSIONS,
        "labels": LABELS,
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


def noter(dsn: str, store: Store) -> Noter:
    """Return what writes facts, whenever it is asked."""
    return Noter(PostgresFacts(Database(dsn)), store, "v1/", 0.0, 1)


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
            note=Noter(PostgresFacts(catalog.database), store, "v1/", 0.0, 1).write,
        )
