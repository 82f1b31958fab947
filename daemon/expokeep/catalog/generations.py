"""How far deletions have come: a number that is here and in the bucket."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class PostgresGenerations:
    """Implements `retention.generation.Generations`."""

    database: Database

    def number(self) -> int:
        """Return the number of the last run."""
        return int(self._asked("number"))

    def is_rebuilding(self) -> bool:
        """Return whether the catalog is being made anew."""
        return bool(self._asked("is_rebuilding"))

    def advance(self) -> int:
        """Take the next number and return it.

        Not repeated to the number: where an answer is lost, one is left out.
        """
        return int(self._asked("advance"))

    def _asked(self, query: str) -> Any:
        def work(connection: Connection[TupleRow]) -> Any:
            with connection.cursor(row_factory=scalar_row) as cursor:
                return cursor.execute(_SQL[query]).fetchone()

        return self.database.run(work)
