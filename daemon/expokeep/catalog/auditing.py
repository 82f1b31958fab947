"""Who destroyed something or changed rights: written before it is done, and after.

It knows nothing of what is done. What it is given holds no secret any more.
"""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody is about to do."""

    host: str
    uid: int
    username: str | None
    """On whose behalf, as an operator said."""
    action: str
    """The request, with `{names}` for what is different each time."""
    subject: str | None
    """What stands for the first name: a session, a version, a share."""
    session: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended."""

    exit_code: int
    error: str | None
    answered: Mapping[str, Any] = field(default_factory=dict)
    """What it turned out to be about, where the request did not say so by its name."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What somebody did."""

    id: int
    at: datetime.datetime
    host: str
    uid: int
    username: str | None
    action: str
    subject: str | None
    session: str | None
    details: dict[str, Any]
    ended_at: datetime.datetime | None
    exit_code: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class PostgresAudit:
    """The table `audit`; each method is one short statement.

    All raise `BackendUnreachable` when there is no answer in time.
    """

    database: Database

    def begin(self, act: Act) -> int:
        """Write down what is about to be done; return its number."""
        query = _SQL["begin"]
        values = {
            "host": act.host,
            "uid": act.uid,
            "username": act.username,
            "action": act.action,
            "subject": act.subject,
            "session": act.session,
            "details": json.dumps(act.details),
        }

        def number(connection: Connection[TupleRow]) -> int:
            with connection.cursor(row_factory=scalar_row) as cursor:
                given: int = cursor.execute(query, values).fetchall()[0]
                return given

        return self.database.run(number)

    def end(self, number: int, ending: Ending) -> None:
        """Write down how it ended."""
        query = _SQL["end"]
        values = {
            "id": number,
            "exit_code": ending.exit_code,
            "error": ending.error,
            "answered": json.dumps(ending.answered),
        }
        self.database.run(lambda connection: connection.execute(query, values))

    def acts(
        self,
        session: str | None,
        since: datetime.datetime | None,
        limit: int,
    ) -> list[AuditRow]:
        """Return what was done, newest first: to one session, or to any."""
        query = _SQL["acts"]
        values = {"session": session, "since": since, "limit": limit}

        def found(connection: Connection[TupleRow]) -> list[AuditRow]:
            with connection.cursor(row_factory=class_row(AuditRow)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(found)
