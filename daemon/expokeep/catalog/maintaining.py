"""Who of all daemons looks after what is kept: the one that holds a lock in Postgres.

The lock keeps work from being done twice, and nothing more: whoever lost it without
noticing must not be able to do harm, so each thing that is done is safe beside others.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.faults import translated
from expokeep.errors import Busy

_SQL = queries.beside(__file__)

_ANSWER_S = 15.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """When what was done. Good while the lock is held."""

    connection: Connection[TupleRow]

    def take(self) -> bool:
        """Take the lock; return whether nobody else has it."""
        return bool(self._asked("take"))

    def age_s(self, name: str) -> float | None:
        """Return how long ago a chore was done, by any daemon; None for never."""
        age_s = self._asked("age_s", name)
        return None if age_s is None else float(age_s)

    def done(self, name: str) -> None:
        """Note that a chore is done now, by the clock of Postgres."""
        try:
            self.connection.execute(_SQL["done"], {"name": name})
        except psycopg.Error as error:
            raise translated(error) from error

    def _asked(self, query: str, name: str | None = None) -> float | bool | None:
        try:
            with self.connection.cursor(row_factory=scalar_row) as cursor:
                answer: float | bool | None = cursor.execute(
                    _SQL[query], {"name": name}
                ).fetchone()
        except psycopg.Error as error:
            raise translated(error) from error
        return answer


@dataclass(frozen=True, slots=True)
class MaintenanceLock:
    """An advisory lock, each time on a connection of its own."""

    database: Database

    @contextlib.contextmanager
    def held(self) -> Iterator[Ledger]:
        """Hold the lock.

        Raises:
            Busy: somebody else holds it.
            BackendUnreachable, AccessDenied: Postgres does not say.
        """
        with self.database.apart(answer_s=_ANSWER_S) as connection:
            ledger = Ledger(connection)
            if not ledger.take():
                raise Busy("another daemon looks after what is kept")
            yield ledger
