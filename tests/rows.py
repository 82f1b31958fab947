"""Reads and writes the app's tables as the app would, beside what we say is kept."""

import contextlib
import datetime
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from expokeep.catalog.connection import Database
from expokeep.catalog.describing import Descriptions
from expokeep.catalog.legacy import AppNotes, AppRows, AppTables
from expokeep.catalog.legacy_values import Wish
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.legacy.keep import Keeper
from expokeep.legacy.ports import Ports
from expokeep.model.names import to_text
from expokeep.model.tree import files_in
from expokeep.model.version import Version

BASE = "https://builds.example.com"
WISH = Wish("public", 30, BASE, shows_tokens=False)
CUID = re.compile(r"c[a-z0-9]{24}")
NEVER = datetime.datetime(9999, 12, 31)  # noqa: DTZ001 - as the table has it: UTC

_INT_MAX = 2**31 - 1


@dataclass
class Heard:
    """What was published."""

    events: list[tuple[str, str | None]] = field(default_factory=list)

    def __call__(self, kind: str, session: str | None, **_: Any) -> None:
        self.events.append((kind, session))


@dataclass
class App:
    """The app: it knows the two tables, and not who keeps them in step."""

    connection: psycopg.Connection

    def sql(self, text: str, *values: object) -> list[dict[str, Any]]:
        cursor = self.connection.execute(text, values)
        return cursor.fetchall() if cursor.description else []

    def builds(self) -> dict[str, dict[str, Any]]:
        rows = self.sql('SELECT * FROM "BuildSession"')
        return {row["sessionId"]: row for row in rows}

    def files(self, session: str) -> dict[str, tuple[str, int]]:
        rows = self.sql('SELECT * FROM "BuildFile" WHERE "sessionId" = %s', session)
        return {row["filePath"]: (row["fileHash"], row["sizeBytes"]) for row in rows}

    def save(self, session: str, **columns: object) -> None:
        """Write a row as the app's own save does: an upsert by the session's id."""
        values = {
            "id": "cmadebytheapp" + f"{abs(hash(session)) % 10**12:012}",
            "sessionId": session,
            "projectName": "App",
            "storageUrl": f"https://old.example.com/archives/{session}/1/build.tar.gz",
            "fileCount": 1,
            "sizeBytes": 10,
            "buildMetadata": json.dumps({}),
            **columns,
        }
        names = ", ".join(f'"{name}"' for name in values)
        places = ", ".join(["%s"] * len(values))
        update = ", ".join(
            f'"{name}" = excluded."{name}"'
            for name in values
            if name not in ("id", "sessionId")
        )
        self.sql(
            f'INSERT INTO "BuildSession" ({names}) VALUES ({places})'
            f' ON CONFLICT ("sessionId") DO UPDATE SET {update}',
            *values.values(),
        )


@dataclass
class Rows:
    """Both sides of a database, and the one who keeps them in step."""

    catalog: PostgresCatalog
    ports: Ports
    app: App
    contents: dict[bytes, bytes] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)
    wish: Wish = WISH

    @property
    def keeper(self) -> Keeper:
        return Keeper(self.ports, self._read, self.heard, self.wish)

    def settle(self) -> None:
        """Do what a daemon does within seconds."""
        while self.keeper.act(lambda: False):
            pass

    def _read(self, digests: Collection[bytes]) -> Mapping[bytes, bytes]:
        return {digest: self.contents.get(digest, b"") for digest in digests}

    def expected(self) -> dict[str, dict[str, Any]]:
        """Return what every row of ours is to say, by what the catalog answers."""
        found = {}
        for row in self.catalog.sessions(limit=1000):
            if row.head_seq is None:
                continue
            head = next(
                one
                for one in self.catalog.versions(row.session)
                if one.seq == row.head_seq
            )
            found[row.session] = {
                "sessionId": row.session,
                "userId": row.owner,
                "projectName": row.project_name or "My Expo App",
                "storageUrl": f"{BASE}/builds/{row.session}/build.tar.gz",
                "fileCount": head.file_count,
                "sizeBytes": head.size_bytes,
                "isActive": True,
                "lastAccessed": stamp(row.accessed_at),
                "files": self.files_of(head),
            }
        return found

    def files_of(self, version: Version) -> dict[str, tuple[str, int]]:
        return {
            to_text(path): (file.digest.hex(), min(file.size_bytes, _INT_MAX))
            for path, file in files_in(self.catalog.tree(version))
        }

    def shown(self, sessions: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the same as the app sees it."""
        return {
            session: {**row, "files": self.app.files(session)}
            for session, row in self.app.builds().items()
            if session in sessions
        }

    def require_step(self) -> None:
        """Check that each row says what the catalog says, and is one of these."""
        expected = self.expected()
        everybody = {*expected, *self.app.builds()}
        shown = {
            session: {
                name: value
                for name, value in row.items()
                if name in next(iter(expected.values()), {})
            }
            for session, row in self.shown(everybody).items()
        }
        assert shown == expected


def stamp(moment: datetime.datetime) -> datetime.datetime:
    """Return a moment as the tables have it: UTC, in whole milliseconds."""
    plain = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return plain.replace(microsecond=plain.microsecond // 1000 * 1000)


@contextlib.contextmanager
def begun(dsn: str) -> Iterator[Rows]:
    """Make the app's tables in a migrated database, and keep them in step."""
    database = Database(dsn)
    with (
        contextlib.closing(PostgresCatalog(database)) as catalog,
        psycopg.connect(
            dsn, autocommit=True, row_factory=dict_row, options="-csearch_path=public"
        ) as connection,
    ):
        tables = AppTables(database)
        tables.configure(WISH)
        tables.make()
        ports = Ports(
            tables, AppRows(database), AppNotes(database), Descriptions(database)
        )
        rows = Rows(catalog, ports, App(connection))
        rows.settle()
        yield rows
