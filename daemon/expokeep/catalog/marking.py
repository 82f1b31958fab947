"""Marks: labels and pins, by which a person says that a version is to stay."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.sessions import Sessions
from expokeep.errors import NotFound
from expokeep.model.names import SessionId
from expokeep.model.version import Version

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class PostgresMarks:
    """Implements `retention.ports.Marks`; what it promises is said there."""

    database: Database

    def label(self, version: Version, name: str) -> int | None:
        """Give a label to a version; return which version had it before."""

        def work(connection: Connection[TupleRow]) -> int | None:
            with connection.transaction():
                Sessions(connection).lock(version.session)
                marking = Marking(connection)
                before = marking.labelled(version.session, name)
                if not marking.label(version, name):
                    raise _forgotten(version)
                return before

        return self.database.run(work)

    def unlabel(self, session: SessionId, name: str) -> int:
        """Take a label away; return which version had it."""
        query, values = _SQL["unlabel"], {"session": session, "name": name}

        def work(connection: Connection[TupleRow]) -> int:
            with connection.cursor(row_factory=scalar_row) as cursor:
                seq: int | None = cursor.execute(query, values).fetchone()
                if seq is None:
                    raise NotFound(f"no version of {session} has the label {name}")
                return seq

        return self.database.run(work)

    def pin(self, version: Version, *, is_pinned: bool) -> None:
        """Keep a version from being forgotten, or no longer."""
        query = _SQL["pin"]
        values = {
            "session": version.session,
            "seq": version.seq,
            "is_pinned": is_pinned,
        }
        if not self.database.run(
            lambda connection: connection.execute(query, values).rowcount
        ):
            raise _forgotten(version)


@dataclass(frozen=True, slots=True)
class Marking:
    """The steps of labelling, in the caller's transaction."""

    connection: Connection[TupleRow]

    def labelled(self, session: SessionId, name: str) -> int | None:
        """Return which version has a label."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            values = {"session": session, "name": name}
            seq: int | None = cursor.execute(_SQL["labelled"], values).fetchone()
            return seq

    def label(self, version: Version, name: str) -> bool:
        """Give a label; return whether there is such a version."""
        values = {"session": version.session, "seq": version.seq, "name": name}
        return self.connection.execute(_SQL["label"], values).rowcount == 1


def _forgotten(version: Version) -> NotFound:
    return NotFound(f"version {version.seq} of {version.session} is no longer kept")
