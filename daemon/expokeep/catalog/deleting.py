"""Deleting sessions: first a mark, then their rows, and last the session itself."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.caring import Deleted, Weight
from expokeep.catalog.connection import Database
from expokeep.catalog.quotas import Quotas
from expokeep.catalog.sessions import Sessions
from expokeep.model.names import SessionId
from expokeep.model.quota import QuotaRules

_SQL = queries.beside(__file__)

PURGE_WITHIN_S = 600.0
"""A session goes in one transaction, however many entries it ever had."""
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PostgresDeleting:
    """Implements `retention.ports.Deletions`; what it promises is said there."""

    database: Database
    quotas: QuotaRules | None = None
    """What users may have; None: as much as they like."""

    def delete(self, session: SessionId) -> bool:
        """Hide a session; return whether there is one that was not deleted."""
        query, values = _SQL["delete"], {"session": session}
        return self.database.run(
            lambda connection: connection.execute(query, values).rowcount == 1
        )

    def undelete(self, session: SessionId) -> bool:
        """Bring a session back; return whether it was deleted and still can be.

        Raises:
            QuotaExceeded: its owner has no room for it; it stays deleted.
        """
        query, values = _SQL["undelete"], {"session": session}

        def work(connection: Connection[TupleRow]) -> bool:
            with connection.transaction():
                Quotas(connection, self.quotas).admit_back(session)
                return connection.execute(query, values).rowcount == 1

        return self.database.run(work)

    def deleted(
        self, *, owner: str | None, uid: int | None, limit: int
    ) -> list[Deleted]:
        """Return deleted sessions, the newest deletion first; of one user or of all."""
        query, values = _SQL["deleted"], {"owner": owner, "uid": uid, "limit": limit}

        def work(connection: Connection[TupleRow]) -> list[Deleted]:
            with connection.cursor(row_factory=class_row(Deleted)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def weight(self, session: SessionId) -> Weight:
        """Return what would go with a session."""
        query = _SQL["weight"]

        def work(connection: Connection[TupleRow]) -> Weight:
            with connection.cursor(row_factory=class_row(Weight)) as cursor:
                (found,) = cursor.execute(query, {"session": session}).fetchall()
                return found

        return self.database.run(work)

    def expire(self, *, days: int) -> list[SessionId]:
        """Delete some sessions that nobody came for in so many days; return them."""
        query = _SQL["expire"]

        def work(connection: Connection[TupleRow]) -> list[SessionId]:
            with connection.transaction():
                found = Expiry(connection).expiring(days)
                connection.execute(query, {"ids": [number for number, _ in found]})
            return [session for _, session in found]

        return self.database.run(work)

    def expiring(self, *, days: int) -> list[SessionId]:
        """Return sessions that `expire` would delete."""

        def work(connection: Connection[TupleRow]) -> list[SessionId]:
            return [session for _, session in Expiry(connection).expiring(days)]

        return self.database.run(work)

    def purgeable(self, *, grace_s: float) -> list[SessionId]:
        """Return deleted sessions whose grace is over."""
        values = {"grace_s": grace_s, "session": None}
        return self.database.run(lambda connection: Purge(connection).purgeable(values))

    def purge(self, session: SessionId, *, grace_s: float, spent_s: float) -> bool:
        """Drop all that was ever kept of a session, if its grace is still over.

        Its objects stay, retired since `spent_s`: nobody can have found them meanwhile.
        """
        values = {"session": session, "grace_s": grace_s, "spent_s": spent_s}
        with (
            self.database.apart(answer_s=PURGE_WITHIN_S) as connection,
            connection.transaction(),
        ):
            Sessions(connection).lock(session)
            purge = Purge(connection)
            if not purge.purgeable(values):
                return False
            purge.run(values)
        return True

    def bury(self) -> int:
        """Drop the rows of sessions of which nothing is left; return how many."""
        query = _SQL["bury"]
        return self.database.run(lambda connection: connection.execute(query).rowcount)


@dataclass(frozen=True, slots=True)
class Purge:
    """The steps of a purge, in one transaction, under the lock of the session."""

    connection: Connection[TupleRow]

    def run(self, values: dict[str, Any]) -> None:
        """Drop everything."""
        self.behead(values)
        self.unlabel(values)
        self.drop_versions(values)
        self.drop_entries(values)
        self.drop_paths(values)
        self.drop_epochs(values)
        self.retire(values)

    def purgeable(self, values: dict[str, Any]) -> list[SessionId]:
        """Return deleted sessions whose grace is over: all of them, or this one."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            wish = {"limit": AT_ONCE, **values}
            return cursor.execute(_SQL["purgeable"], wish).fetchall()

    def behead(self, values: dict[str, Any]) -> None:
        """Take its head from a session."""
        self.connection.execute(_SQL["behead"], values)

    def unlabel(self, values: dict[str, Any]) -> None:
        """Drop its labels."""
        self.connection.execute(_SQL["unlabel"], values)

    def drop_versions(self, values: dict[str, Any]) -> None:
        """Drop its versions."""
        self.connection.execute(_SQL["drop_versions"], values)

    def drop_entries(self, values: dict[str, Any]) -> None:
        """Drop its history."""
        self.connection.execute(_SQL["drop_entries"], values)

    def drop_paths(self, values: dict[str, Any]) -> None:
        """Drop its names."""
        self.connection.execute(_SQL["drop_paths"], values)

    def drop_epochs(self, values: dict[str, Any]) -> None:
        """Drop its epochs: a directory that comes back begins anew."""
        self.connection.execute(_SQL["drop_epochs"], values)

    def retire(self, values: dict[str, Any]) -> None:
        """Send its packs on their way that nobody else needs."""
        self.connection.execute(_SQL["retire"], values)


@dataclass(frozen=True, slots=True)
class Expiry:
    """What is asked about sessions that nobody comes for."""

    connection: Connection[TupleRow]

    def expiring(self, days: int) -> list[tuple[int, SessionId]]:
        """Return sessions that nobody came for, and keep others from them."""
        values = {"days": days, "limit": AT_ONCE}
        return self.connection.execute(_SQL["expiring"], values).fetchall()
