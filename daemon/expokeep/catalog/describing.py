"""What app.json and package.json say, by their digests: for the app's tables."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.model.digest import Digest

_SQL = queries.beside(__file__)

AT_ONCE = 200

Described = Collection[tuple[Digest, bytes]]
"""Digests of files, and what they say as JSON."""


@dataclass(frozen=True, slots=True)
class Describing:
    """What is asked of files that describe projects, in the caller's transaction."""

    connection: Connection[TupleRow]

    def describe(self, described: Described) -> None:
        """Make known what files say."""
        ordered = dict(sorted(described))  # two that commit never cross
        values = {
            "digests": list(ordered),
            "bodies": [body.decode() for body in ordered.values()],
        }
        self.connection.execute(_SQL["describe"], values)

    def undescribed(self, *, most_bytes: int, limit: int) -> list[Digest]:
        """Return files of newest versions of which nobody knows what they say."""
        values = {"most_bytes": most_bytes, "limit": limit}
        with self.connection.cursor(row_factory=scalar_row, binary=True) as cursor:
            return cursor.execute(_SQL["undescribed"], values).fetchall()

    def mark(self, digests: Collection[Digest]) -> None:
        """Have the app's rows looked at of sessions that have one of these files."""
        self.connection.execute(_SQL["mark"], {"digests": list(digests)})

    def forget(self) -> int:
        """Forget what files said that are not kept any more; return how many."""
        return self.connection.execute(_SQL["forget"]).rowcount


@dataclass(frozen=True, slots=True)
class Descriptions:
    """Implements `legacy.ports.Descriptions`; what it promises is said there."""

    database: Database

    def undescribed(self, *, most_bytes: int) -> list[Digest]:
        """Return files that describe projects and that nobody has read yet."""
        return self.database.run(
            lambda connection: Describing(connection).undescribed(
                most_bytes=most_bytes, limit=AT_ONCE
            )
        )

    def describe(self, described: Sequence[tuple[Digest, bytes]]) -> None:
        """Make known what such files say; rows that show it are looked at."""

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                describing = Describing(connection)
                describing.describe(described)
                digests = [digest for digest, _ in described]
                describing.mark(digests)

        self.database.run(work)

    def forget(self) -> int:
        """Forget what files said that are not kept any more; return how many."""
        return self.database.run(lambda connection: Describing(connection).forget())
