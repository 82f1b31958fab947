"""What webhooks are still to be told: written by triggers, with what it tells.

Here it is claimed, row by row, so that several daemons can deliver; what nobody takes
is given up after a while, and kept for an operator.
"""

import datetime
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database

_SQL = queries.beside(__file__)

BATCH = 20
HOLD_S = 600.0
"""So long a delivery is one daemon's; if that dies, another one takes it then."""
DEAD_FOR_DAYS = 30
"""What was given up goes at last."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook as the catalog knows it."""

    id: str
    place: str
    """Scheme and host: the rest of its URL may be a secret."""
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event, to one webhook, one more time."""

    id: int
    event: uuid.UUID
    """The same at each try."""
    kind: str
    session: str | None
    at: datetime.datetime
    body: dict[str, Any]
    tries: int
    """With this one."""
    age_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook stands."""

    id: str
    place: str
    kinds: Sequence[str]
    waiting: int
    dead: int
    oldest_at: datetime.datetime | None
    """When the oldest that was not delivered happened."""
    error: str | None


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is to be told, as one host sees it."""

    database: Database
    host: uuid.UUID

    def register(self, endpoints: Collection[Endpoint]) -> None:
        """Say what this host's settings say; what they do not say any more, ends."""
        rows = [
            {
                "id": one.id,
                "place": one.place,
                "kinds": list(one.kinds),
                "host": self.host,
            }
            for one in endpoints
        ]

        query = _SQL["register"]

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                for row in rows:
                    connection.execute(query, row)
                self.withdraw(connection, [one.id for one in endpoints])

        self.database.run(work)

    def withdraw(self, connection: Connection[TupleRow], ids: list[str]) -> None:
        """End what this host said before, but for these, and all that waits for it."""
        connection.execute(_SQL["withdraw"], {"host": self.host, "ids": ids})

    def claim(self, webhook: str) -> list[Delivery]:
        """Take some of what is due."""
        values = {"webhook": webhook, "limit": BATCH, "hold_s": HOLD_S}
        query = _SQL["claim"]

        def work(connection: Connection[TupleRow]) -> list[Delivery]:
            with connection.cursor(row_factory=class_row(Delivery)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def delivered(self, delivery: Delivery) -> None:
        """Note that one was taken."""
        self._run("delivered", id=delivery.id)

    def failed(
        self, delivery: Delivery, error: str, again_in_s: float, *, is_dead: bool
    ) -> None:
        """Note why one was not taken, and when to try again, if ever."""
        self._run(
            "failed",
            id=delivery.id,
            error=error,
            again_in_s=again_in_s,
            is_dead=is_dead,
        )

    def due_in_s(self, webhook: str) -> float | None:
        """Return when something is due; None if nothing waits."""
        query = _SQL["due_in_s"]

        def work(connection: Connection[TupleRow]) -> float | None:
            with connection.cursor(row_factory=scalar_row) as cursor:
                due_in_s: float | None = cursor.execute(
                    query, {"webhook": webhook}
                ).fetchone()
            return due_in_s

        return self.database.run(work)

    def revive(self, webhook: str | None) -> int:
        """Try again what was given up, of one webhook or of all; return how much."""
        return self._run("revive", webhook=webhook)

    def prune(self) -> int:
        """Drop what was given up long ago; return how much."""
        return self._run("prune", days=DEAD_FOR_DAYS)

    def standing(self) -> list[Standing]:
        """Return how all webhooks stand, also those that only other hosts know."""
        query = _SQL["standing"]

        def work(connection: Connection[TupleRow]) -> list[Standing]:
            with connection.cursor(row_factory=class_row(Standing)) as cursor:
                return cursor.execute(query).fetchall()

        return self.database.run(work)

    def _run(self, query: str, **values: object) -> int:
        return self.database.run(
            lambda connection: connection.execute(_SQL[query], values).rowcount
        )
