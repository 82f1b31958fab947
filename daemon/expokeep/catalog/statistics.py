"""Sums over all that is kept: they read much, and have a connection of their own."""

import datetime
from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database, reading
from expokeep.catalog.usage import Requests

_SQL = queries.beside(__file__)

_ANSWER_S = 120.0

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Total:
    """All that is kept, in sums."""

    sessions: int
    deleted_sessions: int
    """That can be had back, and take room."""
    versions: int
    logical_bytes: int
    """What all versions would take as whole copies."""
    head_bytes: int
    """What the builds are now."""
    contents: int
    distinct_bytes: int
    """Of different contents, before compression."""
    objects: int
    stored_bytes: int
    going_bytes: int
    """Of these, what goes when the grace is over."""
    saves: int
    restores: int
    active_sessions: int
    """Builds that were saved or restored since counting began, also those gone."""
    restored_sessions: int
    counted_since: datetime.date | None


@dataclass(frozen=True, slots=True)
class OfUser:
    """What there is of one user."""

    user: str | None
    """None: of sessions that nobody owns."""
    sessions: int
    versions: int
    head_bytes: int
    logical_bytes: int
    stored_bytes: int
    saves: int
    restores: int
    saves_per_day: float


@dataclass(frozen=True, slots=True)
class OfSession:
    """What there is of one session."""

    session: str
    user: str | None
    is_deleted: bool
    versions: int
    head_bytes: int
    logical_bytes: int
    stored_bytes: int
    saves: int
    restores: int


@dataclass(frozen=True, slots=True)
class OfDay:
    """What was done on a day, by UTC."""

    day: datetime.date
    users: int
    sessions: int
    saves: int
    restores: int
    class_a: int
    class_b: int
    sent_bytes: int
    received_bytes: int
    stored_bytes: int | None
    """The most of that day; None: as on the day before."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A session that others have begun with."""

    session: str
    user: str | None
    shares: int
    imports: int


@dataclass(frozen=True, slots=True)
class StoredDay:
    """How much was stored on a day: at most, and at its end."""

    day: datetime.date
    peak_bytes: int
    last_bytes: int


@dataclass(frozen=True, slots=True)
class PostgresStatistics:
    """Asks Postgres; raises `BackendUnreachable` when there is no answer in time."""

    database: Database

    def total(self) -> Total:
        """Return the sums over everything."""
        (found,) = self._rows("total", Total)
        return found

    def by_user(self, limit: int, *, logical: bool) -> list[OfUser]:
        """Return users, who has the most stored first; or the most in all versions."""
        return self._rows("by_user", OfUser, limit=limit, logical=logical)

    def by_session(self, limit: int, *, logical: bool) -> list[OfSession]:
        """Return sessions, in the same order."""
        return self._rows("by_session", OfSession, limit=limit, logical=logical)

    def by_day(self, limit: int) -> list[OfDay]:
        """Return days of which there is something to tell, newest first."""
        return self._rows("by_day", OfDay, limit=limit)

    def most_shared(self, limit: int) -> list[Shared]:
        """Return the sessions that others have begun with most often."""
        return self._rows("most_shared", Shared, limit=limit)

    def stored(self, begin: datetime.date, until: datetime.date) -> list[StoredDay]:
        """Return days of a month, and the last one before it, oldest first."""
        return self._rows("stored", StoredDay, begin=begin, until=until)

    def requests(self, begin: datetime.date, until: datetime.date) -> Requests:
        """Return what was asked of the bucket from a day up to another."""
        (found,) = self._rows("requests", Requests, begin=begin, until=until)
        return found

    def first_day(self) -> datetime.date | None:
        """Return when counting began; None: it has not."""
        query = _SQL["first_day"]

        def work(connection: Connection[TupleRow]) -> datetime.date | None:
            (found,) = connection.execute(query).fetchall()
            day: datetime.date | None = found[0]
            return day

        return self.database.run(work)

    def _rows(self, query: str, kind: type[Row], **values: Any) -> list[Row]:
        with (
            self.database.apart(answer_s=_ANSWER_S) as connection,
            reading(connection),
            connection.cursor(row_factory=class_row(kind)) as cursor,
        ):
            return cursor.execute(_SQL[query], values).fetchall()
