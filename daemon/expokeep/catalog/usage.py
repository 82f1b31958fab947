"""What was used, day by day: requests, bytes, saves and restores; what is stored.

Days are those of UTC, by the clock of Postgres.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.values import Host

_SQL = queries.beside(__file__)

REMEMBERED_DAYS = 800
"""So long days are told one by one: two years, to compare a month with."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What was asked of the bucket, in the classes that R2 bills."""

    class_a: int = 0
    class_b: int = 0
    free: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """What people did with a session."""

    saves: int = 0
    restores: int = 0


@dataclass(frozen=True, slots=True)
class PostgresUsage:
    """Writes it down; each method is one short transaction.

    All raise `BackendUnreachable` when there is no answer in time. An addition whose
    answer was lost may be counted twice: this is arithmetic about money, no money.
    """

    database: Database

    def add(self, host: Host, requests: Requests, done: Mapping[str, Done]) -> None:
        """Add to this day what was asked by a host, and done, by session."""

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                asked = Usages(connection)
                if requests != Requests():
                    asked.add_requests(host, requests)
                if done:
                    asked.add_activity(done)

        self.database.run(work)

    def note_stored(self) -> None:
        """Note how much is stored now, if that is news."""
        self.database.run(lambda connection: Usages(connection).note_stored())

    def forget(self, days: int = REMEMBERED_DAYS) -> None:
        """Forget what is older."""

        def work(connection: Connection[TupleRow]) -> None:
            Usages(connection).forget_usage(days)
            Usages(connection).forget_activity(days)

        self.database.run(work)


@dataclass(frozen=True, slots=True)
class Usages:
    """What is asked of the tables, in the caller's transaction."""

    connection: Connection[TupleRow]

    def add_requests(self, host: Host, requests: Requests) -> None:
        """Add requests of a host."""
        values = {
            "host": host.id,
            "class_a": requests.class_a,
            "class_b": requests.class_b,
            "free": requests.free,
            "sent_bytes": requests.sent_bytes,
            "received_bytes": requests.received_bytes,
        }
        self.connection.execute(_SQL["add_requests"], values)

    def add_activity(self, done: Mapping[str, Done]) -> None:
        """Add saves and restores of sessions."""
        values = {
            "sessions": list(done),
            "saves": [one.saves for one in done.values()],
            "restores": [one.restores for one in done.values()],
        }
        self.connection.execute(_SQL["add_activity"], values)

    def note_stored(self) -> None:
        """Write down how much is stored."""
        self.connection.execute(_SQL["note_stored"])

    def forget_usage(self, days: int) -> None:
        """Forget requests of long ago."""
        self.connection.execute(_SQL["forget_usage"], {"days": days})

    def forget_activity(self, days: int) -> None:
        """Forget saves and restores of long ago."""
        self.connection.execute(_SQL["forget_activity"], {"days": days})
