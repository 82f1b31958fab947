"""Brings the schema to where this program expects it, and says how far off it is.

Migrations only ever grow in number, are never edited once released, and are written so
that the daemon of one number before still works on the schema after: migrate first,
with the new release, then restart the daemons one after the other.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.faults import MIGRATE_HINT
from expokeep.catalog.values import SchemaStatus
from expokeep.errors import ConfigError

_SQL = queries.beside(__file__)

_FILE = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")
TOLERATED = 1
"""So many versions of the schema after our own can we work with."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> bytes:
        """What tells whether an applied migration was edited afterwards."""
        return hashlib.sha256(self.text.encode()).digest()


def known_migrations() -> list[Migration]:
    """Return the migrations that this program brings, in their order."""
    found = []
    for file in (resources.files("expokeep.catalog") / "migrations").iterdir():
        if match := _FILE.fullmatch(file.name):
            text = file.read_text(encoding="utf-8")
            found.append(Migration(int(match["number"]), file.name[:-4], text))
    return sorted(found, key=lambda migration: migration.number)


def require_schema(status: SchemaStatus) -> None:
    """Check that this program can work on the schema that is there.

    >>> require_schema(SchemaStatus(found=5, known=4, pending=()))

    Raises:
        ConfigError: it is missing or older, or more than one version newer.
    """
    if status.found and 0 <= status.found - status.known <= TOLERATED:
        return
    if status.found > status.known:
        error = ConfigError(
            f"the catalog has schema {status.found}, this program knows {status.known}"
        )
        error.hint = "Install the release of expokeep that the other hosts run."
    else:
        what = f"schema {status.found}" if status.found else "no schema yet"
        error = ConfigError(f"the catalog has {what}, we need {status.known}")
        error.hint = MIGRATE_HINT
    raise error


@dataclass(frozen=True, slots=True)
class Migrations:
    """What is asked of, and done to, the schema itself."""

    connection: Connection[TupleRow]
    known: tuple[Migration, ...]

    def status(self) -> SchemaStatus:
        """Return how far the schema is."""
        found = self.applied() if self.table() else {}
        pending = (one.name for one in self.known if one.number not in found)
        known = max((migration.number for migration in self.known), default=0)
        return SchemaStatus(max(found, default=0), known, tuple(pending))

    def table(self) -> bool:
        """Return whether there is a table of migrations."""
        row = self.connection.execute(_SQL["table"]).fetchone()
        return row is not None and row[0] is not None

    def applied(self) -> dict[int, bytes]:
        """Return the checksums of what was applied, by number."""
        with self.connection.cursor(binary=True) as cursor:
            return dict(cursor.execute(_SQL["applied"]).fetchall())

    def prepare(self, schema: str) -> None:
        """Make the schema and the table of migrations, unless they are there."""
        with self.connection.transaction():
            self.lock(schema)
            # Not `IF NOT EXISTS`: that asks for a right that a role may lack whose
            # schema somebody else made for it.
            if not self.has_schema(schema):
                name = sql.Identifier(schema)
                self.connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
            if not self.table():
                self.create()

    def has_schema(self, schema: str) -> bool:
        """Return whether there is a schema of this name."""
        found = self.connection.execute(_SQL["has_schema"], {"schema": schema})
        return found.fetchone() is not None

    def create(self) -> None:
        """Make the table of migrations."""
        self.connection.execute(_SQL["create"])

    def apply(self, migration: Migration, schema: str) -> bool:
        """Apply a migration, in a transaction; return whether it was still to do.

        Raises:
            ConfigError: it was applied before, and was another one then.
        """
        with self.connection.transaction():
            self.lock(schema)
            checksum = self.applied().get(migration.number)
            if checksum is None:
                self.connection.execute(migration.text)
                self.record(migration)
                return True
        if checksum != migration.checksum:
            raise ConfigError(f"migration {migration.name} was edited after it was run")
        return False

    def lock(self, schema: str) -> None:
        """Keep others from migrating this schema until the transaction ends."""
        self.connection.execute(_SQL["lock"], {"schema": schema})

    def record(self, migration: Migration) -> None:
        """Note that a migration was applied."""
        values = {
            "number": migration.number,
            "name": migration.name,
            "checksum": migration.checksum,
        }
        self.connection.execute(_SQL["record"], values)
