"""Forgetting versions: their rows, and the entries that no version has any more."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, dict_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.caring import Line, Weight
from expokeep.catalog.connection import Database
from expokeep.catalog.sessions import Sessions
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)

_SESSIONS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PostgresForgetting:
    """Implements `retention.ports.Versions`; what it promises is said there."""

    database: Database

    def sessions(self, after: str = "") -> Iterator[SessionId]:
        """Yield the sessions that may have something to forget, sorted."""
        query, values = _SQL["sessions"], {"after": after, "limit": _SESSIONS_AT_ONCE}

        def work(connection: Connection[TupleRow]) -> list[SessionId]:
            with connection.cursor(row_factory=scalar_row) as cursor:
                return cursor.execute(query, values).fetchall()

        while page := self.database.run(work):
            yield from page
            values = {**values, "after": page[-1]}

    def lines(self, session: SessionId) -> list[Line]:
        """Return the versions of a session, newest first."""
        query = _SQL["lines"]

        def work(connection: Connection[TupleRow]) -> list[Line]:
            with connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(query, {"session": session}).fetchall()
            return [Line(**{**row, "labels": tuple(row["labels"])}) for row in rows]

        return self.database.run(work)

    def weight(self, session: SessionId, seqs: Collection[int]) -> Weight:
        """Return what would go with these versions."""
        query = _SQL["weight"]
        values = {"session": session, "seqs": list(seqs)}

        def work(connection: Connection[TupleRow]) -> Weight:
            with connection.cursor(row_factory=class_row(Weight)) as cursor:
                (found,) = cursor.execute(query, values).fetchall()
                return found

        return self.database.run(work)

    def forget(
        self, session: SessionId, seqs: Collection[int], *, labels_too: bool = False
    ) -> list[int]:
        """Forget versions, in one transaction; return those that may be forgotten."""
        wish = {"session": session, "seqs": list(seqs), "labels_too": labels_too}

        def work(connection: Connection[TupleRow]) -> list[int]:
            with connection.transaction():
                Sessions(connection).lock(session)
                return Forgetting(connection).forget(wish)

        return self.database.run(work)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """The steps of forgetting, in one transaction, under the lock of the session."""

    connection: Connection[TupleRow]

    def forget(self, wish: dict[str, Any]) -> list[int]:
        """Forget what may be forgotten of a wish; return it."""
        going = dict(self.forgettable(wish))
        if not going:
            return []
        values = {
            "session": wish["session"],
            "seqs": sorted(going),
            "epochs": sorted(set(going.values())),
            "first": min(going),
            "last": max(going),
        }
        self.relink(values)
        self.unlabel(values)
        self.drop_versions(values)
        if self.drop_entries(values):
            self.drop_paths(values)
        return sorted(going)

    def forgettable(self, wish: dict[str, Any]) -> list[tuple[int, int]]:
        """Return number and epoch of those versions that nothing holds."""
        rows = self.connection.execute(_SQL["forgettable"], wish).fetchall()
        return [(seq, epoch) for seq, epoch in rows]

    def relink(self, values: dict[str, Any]) -> None:
        """Let children of versions that go have the nearest parents that stay."""
        self.connection.execute(_SQL["relink"], values)

    def unlabel(self, values: dict[str, Any]) -> None:
        """Take the labels from versions."""
        self.connection.execute(_SQL["unlabel"], values)

    def drop_versions(self, values: dict[str, Any]) -> None:
        """Drop the rows of versions."""
        self.connection.execute(_SQL["drop_versions"], values)

    def drop_entries(self, values: dict[str, Any]) -> int:
        """Drop entries that no version has any more; return how many."""
        return self.connection.execute(_SQL["drop_entries"], values).rowcount

    def drop_paths(self, values: dict[str, Any]) -> None:
        """Drop names that no entry has any more."""
        self.connection.execute(_SQL["drop_paths"], values)
