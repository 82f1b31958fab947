"""What app.json and package.json say, by their digests: for the app's tables."""

from collections.abc import Collection
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, scalar_row

from expokeep.catalog import queries
from expokeep.model.digest import Digest

_SQL = queries.beside(__file__)

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

    def sessions_of(self, digests: Collection[Digest]) -> list[str]:
        """Return the sessions whose newest version has one of these files."""
        values = {"digests": list(digests)}
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(_SQL["sessions_of"], values).fetchall()

    def forget(self) -> int:
        """Forget what files said that are not kept any more; return how many."""
        return self.connection.execute(_SQL["forget"]).rowcount
