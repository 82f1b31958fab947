"""Builds as those see them who own them: listed, about to go, or one too many."""

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.model.names import SessionId
from expokeep.model.quota import OVER

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Build:
    """A session as its owner sees it."""

    session: SessionId
    owner: str | None
    project_name: str | None
    version: int | None
    """Its head; None while all of it is parked."""
    file_count: int
    size_bytes: int
    message: str | None
    labels: Sequence[str]
    created_at: datetime.datetime
    saved_at: datetime.datetime | None
    accessed_at: datetime.datetime
    expires_at: datetime.datetime | None
    """If nobody comes for it; None: never."""
    is_pinned: bool
    """A person pinned a version of it, or it is a template."""
    is_shared: bool
    parked: str | None
    """Why its newest version is parked, if it is."""
    deleted_at: datetime.datetime | None
    expired: bool
    icon: bytes | None
    """Its path in the head."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Which builds are meant. With neither a user nor a uid: everybody's."""

    owner: str | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of them."""

    session: SessionId | None = None
    deleted: bool = False
    """The deleted ones, instead of the others."""
    shared: bool = False
    """Only those that are shared."""
    after_at: datetime.datetime | None = None
    after: str = ""
    """Where the page before ended: the access, and the id, of its last build."""
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Expiring:
    """A build that goes soon, if nobody comes for it."""

    session: SessionId
    owner: str | None
    expires_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class PostgresBuilds:
    """Implements what a list of builds and a warning ask."""

    database: Database
    days: int
    """After so many without an access a build expires."""

    def listed(self, whose: Whose, wanted: Wanted) -> list[Build]:
        """Return builds, the one used last first."""
        query = _SQL["listed"]
        values = {"days": self.days, **asdict(whose), **asdict(wanted)}

        def work(connection: Connection[TupleRow]) -> list[Build]:
            with connection.cursor(row_factory=class_row(Build)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def expiring_soon(
        self, whose: Whose, *, warn_s: float, limit: int
    ) -> list[Expiring]:
        """Return builds that expire within `warn_s`, the first to go first."""
        query = _SQL["expiring_soon"]
        values = {
            "days": self.days,
            "warn_s": warn_s,
            "limit": limit,
            **asdict(whose),
        }

        def work(connection: Connection[TupleRow]) -> list[Expiring]:
            with connection.cursor(row_factory=class_row(Expiring)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def warned(self, sessions: Sequence[SessionId]) -> frozenset[SessionId]:
        """Note that somebody is warned of these; return those who were not yet.

        Each once, until somebody comes for it.
        """
        query, values = _SQL["warned"], {"sessions": list(sessions)}

        def work(connection: Connection[TupleRow]) -> list[SessionId]:
            with connection.cursor(row_factory=scalar_row) as cursor:
                return cursor.execute(query, values).fetchall()

        return frozenset(self.database.run(work))

    def over_quota(self, whose: Whose, *, limit: int) -> dict[SessionId, str]:
        """Return sessions whose newest version is over quota, and why."""
        query = _SQL["over_quota"]
        values = {"over": OVER, "limit": limit, **asdict(whose)}
        return self.database.run(
            lambda connection: dict(connection.execute(query, values).fetchall())
        )
