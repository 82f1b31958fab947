"""Facts that wait to be written into the bucket: rows as they became, in order."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.connection import Database

_SQL = queries.beside(__file__)


class NotedFact(NamedTuple):
    """A row of the catalog, as it became."""

    id: int
    at: datetime.datetime
    kind: str
    sid: str
    gone: bool
    body: str
    """JSON."""
    facts_at: datetime.datetime
    """The time of the newest fact that is written into the bucket."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is asked of the table of facts, in the caller's transaction."""

    connection: Connection[TupleRow]

    def waiting(self, limit: int) -> tuple[int, float]:
        """Return how many wait, counted up to `limit`, and how old the oldest is."""
        values = {"limit": limit}
        ((count, age_s),) = self.connection.execute(_SQL["waiting"], values).fetchall()
        return count, age_s

    def first(self, limit: int) -> list[NotedFact]:
        """Return the oldest facts."""
        rows = self.connection.execute(_SQL["first"], {"limit": limit}).fetchall()
        return [NotedFact(*row) for row in rows]

    def drop(self, ids: Collection[int], until: datetime.datetime) -> None:
        """Forget facts that are in the bucket, the newest of which is of `until`."""
        self.connection.execute(_SQL["drop"], {"ids": list(ids), "until": until})


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    """The facts that wait, each method one short transaction."""

    database: Database

    def waiting(self, limit: int) -> tuple[int, float]:
        """Return how many wait, counted up to `limit`, and how old the oldest is."""
        return self.database.run(lambda connection: Facts(connection).waiting(limit))

    def first(self, limit: int) -> list[NotedFact]:
        """Return the oldest facts."""
        return self.database.run(lambda connection: Facts(connection).first(limit))

    def drop(self, ids: Collection[int], until: datetime.datetime) -> None:
        """Forget facts that are in the bucket."""
        self.database.run(lambda connection: Facts(connection).drop(ids, until))
