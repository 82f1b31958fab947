"""Drilling: versions at random, to be proved."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.model.version import Version

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class PostgresSampler:
    """Implements `restore.drill.Sampler`; what its method promises is said there."""

    database: Database
    scope: str = "main"

    def some(self, count: int, *, seed: str, at_most_bytes: int) -> list[Version]:
        """Return versions of sessions that are not deleted, other ones for each seed.

        None that is known to be damaged, and none that is larger.
        """
        query = _SQL["some"]
        values = {
            "scope": self.scope,
            "count": count,
            "seed": seed,
            "at_most_bytes": at_most_bytes,
        }

        def work(connection: Connection[TupleRow]) -> list[Version]:
            with connection.cursor(row_factory=class_row(Version)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)
