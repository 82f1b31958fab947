"""The app's tables: finding them, and bringing rows to what is kept.

What a row is made of, and that every commit writes it, is said in the schema. Here is
what is done beside: later, or because the app did something.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.legacy_values import (
    TRIGGERS,
    Found,
    Mark,
    Standing,
    Wish,
)
from expokeep.catalog.sessions import Sessions
from expokeep.errors import ConfigError
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)

AT_ONCE = 200
_SLOW_S = 300.0


@dataclass(frozen=True, slots=True)
class AppTables:
    """Implements `legacy.ports.Tables`; what it promises is said there."""

    database: Database

    def configure(self, wish: Wish) -> bool:
        """Say what the rows are to be; return whether that is news."""
        configure, mark_all = _SQL["configure"], _SQL["mark_all"]

        def work(connection: Connection[TupleRow]) -> bool:
            with connection.transaction():
                is_news = connection.execute(configure, asdict(wish)).rowcount == 1
                if is_news:
                    connection.execute(mark_all)
            return is_news

        return self.database.run(work)

    def mark_all(self) -> None:
        """Have every row looked at."""
        query = _SQL["mark_all"]
        self.database.run(lambda connection: connection.execute(query))

    def find(self) -> Found:
        """Look for the app's tables."""
        query = _SQL["find"]

        def work(connection: Connection[TupleRow]) -> Found:
            with connection.cursor(row_factory=class_row(Found)) as cursor:
                (found,) = cursor.execute(query).fetchall()
                return found

        return self.database.run(work)

    def attach(self, found: Found) -> None:
        """Let commits write rows from now on; be told of the app's, where we may."""
        query, watches = _SQL["attach"], found.may_watch
        values = {
            "is_attached": True,
            "has_triggers": watches,
            "found": found.found,
        }

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                if watches and found.triggers < TRIGGERS:
                    Watching(connection).watch()
                connection.execute(query, values)

        self.database.run(work)

    def detach(self) -> None:
        """Leave the app's tables alone from now on."""
        query = _SQL["attach"]
        values = {"is_attached": False, "has_triggers": False, "found": None}

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                Watching(connection).unwatch()
                connection.execute(query, values)

        self.database.run(work)

    def make(self) -> bool:
        """Make the app's tables where there are none; return whether that was so.

        Raises:
            ConfigError: the schema for them is not there.
        """
        found = self.find()
        if found.found is not None:
            return False
        text = (resources.files("expokeep.catalog") / "app_tables.sql").read_text()

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                making = Mending(connection)
                schema = making.app_schema()
                if schema is None:
                    raise ConfigError("the schema of the app's tables is not there")
                path = sql.SQL("SET LOCAL search_path TO {}")
                connection.execute(path.format(sql.Identifier(schema)))
                connection.execute(text)

        self.database.run(work)
        return True


@dataclass(frozen=True, slots=True)
class AppRows:
    """Implements `legacy.ports.Rows`; what it promises is said there."""

    database: Database

    def waits(self) -> bool:
        """Return whether there is a row to look at, or something to tell."""
        return bool(_one(self.database, _SQL["waits"], {}))

    def missing(self) -> list[SessionId]:
        """Return the builds whose rows the app has deleted."""
        return _all(self.database, _SQL["missing"], {})

    def is_too_much(self, going: int) -> bool:
        """Return whether nobody can mean to delete so many."""
        return bool(_one(self.database, _SQL["is_too_much"], {"going": going}))

    def delete(self, sessions: Collection[SessionId]) -> list[SessionId]:
        """Delete sessions whose rows are missing, softly; return which."""
        return _all(self.database, _SQL["delete"], {"sessions": list(sessions)})

    def undeletable(self) -> list[SessionId]:
        """Return the builds among the missing that new sessions are begun with."""
        return _all(self.database, _SQL["undeletable"], {})

    def marks(self) -> list[Mark]:
        """Return some of the rows to look at, in any order."""
        query = _SQL["marks"]

        def work(connection: Connection[TupleRow]) -> list[Mark]:
            with connection.cursor(row_factory=class_row(Mark)) as cursor:
                return cursor.execute(query, {"limit": AT_ONCE}).fetchall()

        return self.database.run(work)

    def mark_unshared(self) -> None:
        """Have the rows looked at of builds whose shares have run out."""
        query = _SQL["mark_unshared"]
        self.database.run(lambda connection: connection.execute(query))

    def mend(self, session: SessionId, *, put_back: bool = False) -> str | None:
        """Bring one session's rows to what is kept; return why it failed, if it did.

        With `put_back` a row that the app has deleted is written again.
        """

        def work(connection: Connection[TupleRow]) -> str | None:
            why = None
            with connection.transaction() as transaction:
                Sessions(connection).lock(session)
                mending = Mending(connection)
                mending.unmark(session)
                why = mending.project(session, put_back=put_back)
                if why is not None:
                    raise psycopg.Rollback(transaction)
            return why

        return self.database.run(work)

    def compare(self) -> int:
        """Mark all rows that are not what is kept; return how many."""
        query = _SQL["compare"]
        with (
            self.database.apart(answer_s=_SLOW_S) as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            (found,) = cursor.execute(query).fetchall()
            return int(found)


@dataclass(frozen=True, slots=True)
class AppNotes:
    """Implements `legacy.ports.Notes`; what it promises is said there."""

    database: Database

    def refusals(self) -> int:
        """Return how often the app was refused something since we last asked."""
        found = _one(self.database, _SQL["refusals"], {})
        return found if isinstance(found, int) else 0

    def refused(self, what: str) -> None:
        """Note what was refused."""
        query = _SQL["refused"]
        self.database.run(lambda connection: connection.execute(query, {"what": what}))

    def reveal(self, share: str, token: str) -> None:
        """Show the app the token of a share that everybody may use."""
        query, values = _SQL["reveal"], {"share": share, "token": token}
        self.database.run(lambda connection: connection.execute(query, values))

    def standing(self) -> Standing:
        """Return how the app's tables are."""
        query = _SQL["standing"]

        def work(connection: Connection[TupleRow]) -> Standing:
            with connection.cursor(row_factory=class_row(Standing)) as cursor:
                (found,) = cursor.execute(query).fetchall()
                return found

        return self.database.run(work)


@dataclass(frozen=True, slots=True)
class Watching:
    """Our triggers on the app's tables, in the caller's transaction."""

    connection: Connection[TupleRow]

    def watch(self) -> None:
        """Put them there."""
        self.connection.execute(_SQL["watch"])

    def unwatch(self) -> None:
        """Take them away."""
        self.connection.execute(_SQL["unwatch"])


@dataclass(frozen=True, slots=True)
class Mending:
    """What is done to one row, in the caller's transaction."""

    connection: Connection[TupleRow]

    def mark(self, sessions: Collection[str], why: str) -> None:
        """Have rows looked at."""
        values = {"sessions": list(sessions), "why": why}
        self.connection.execute(_SQL["mark"], values)

    def unmark(self, session: SessionId) -> None:
        """Take away all marks of a row that can be seen from here."""
        self.connection.execute(_SQL["unmark"], {"session": session})

    def project(self, session: SessionId, *, put_back: bool) -> str | None:
        """Bring the rows to what is kept; return why that failed, if it did."""
        values = {"session": session, "put_back": put_back}
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            why: str | None = cursor.execute(_SQL["project"], values).fetchone()
            return why

    def app_schema(self) -> str | None:
        """Return the schema of the app, if it is there."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            schema: str | None = cursor.execute(_SQL["app_schema"]).fetchone()
            return schema


def _one(database: Database, query: str, values: dict[str, Any]) -> object:
    def work(connection: Connection[TupleRow]) -> object:
        with connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(query, values).fetchone()

    return database.run(work)


def _all(database: Database, query: str, values: dict[str, Any]) -> list[SessionId]:
    def work(connection: Connection[TupleRow]) -> list[SessionId]:
        with connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(query, values).fetchall()

    return database.run(work)
