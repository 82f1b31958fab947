"""Runs of the command on versions: which are due, who does one, and what came of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.past_values import HookRun
from expokeep.catalog.values import Host
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)

MOST_DUE = 100
"""Of what was missed, so much at once; the rest comes with the next look."""
YOUNG_S = 86_400.0
"""What is older was there before there was a command, or nobody waits for it."""
MOST_TRIES = 3
"""A command that takes the daemon down with it must not do so for ever."""


@dataclass(frozen=True, slots=True)
class HookRuns:
    """What was run, to those who only read."""

    database: Database

    def of_session(
        self, session: SessionId, seqs: Collection[int]
    ) -> dict[int, HookRun]:
        """Return what came of versions by number, without what was printed."""
        found = self._found("of_session", session=session, seqs=list(seqs))
        return {run.seq: run for run in found}

    def of_version(self, session: SessionId, seq: int) -> HookRun | None:
        """Return what came of a version, in full."""
        return next(iter(self._found("of_version", session=session, seq=seq)), None)

    def _found(self, query: str, **values: object) -> list[HookRun]:
        def work(connection: Connection[TupleRow]) -> list[HookRun]:
            with connection.cursor(row_factory=class_row(HookRun)) as cursor:
                return cursor.execute(_SQL[query], values).fetchall()

        return self.database.run(work)


@dataclass(frozen=True, slots=True)
class HookQueue:
    """What one host has to run."""

    database: Database
    host: Host
    versions: str
    """On which a command is run: `all`, `saved` or `labelled`."""

    def due(self) -> list[SessionId]:
        """Return sessions whose newest version was not run on, newest first."""
        values = self._values() | {"young_s": YOUNG_S, "limit": MOST_DUE}

        query = _SQL["due"]

        def work(connection: Connection[TupleRow]) -> list[SessionId]:
            with connection.cursor(row_factory=scalar_row) as cursor:
                found = cursor.execute(query, values).fetchall()
            return [SessionId(sid) for sid in found]

        return self.database.run(work)

    def claim(self, session: SessionId, command: str) -> int | None:
        """Take the newest version of a session on us, if nobody has; return its number.

        Not safe to repeat: what is lost between Postgres and us is tried again by
        whoever looks next.
        """
        values = self._values() | {"session": session, "command": command}

        query = _SQL["claim"]

        def work(connection: Connection[TupleRow]) -> int | None:
            with connection.cursor(row_factory=scalar_row) as cursor:
                seq: int | None = cursor.execute(query, values).fetchone()
            return seq

        return self.database.run(work)

    def finish(self, session: SessionId, seq: int, result: Mapping[str, Any]) -> None:
        """Write down what came of a version that was claimed."""
        values = {**result, "session": session, "seq": seq, "host": self.host.id}
        query = _SQL["finish"]
        self.database.run(lambda connection: connection.execute(query, values).rowcount)

    def _values(self) -> dict[str, object]:
        return {
            "host": self.host.id,
            "versions": self.versions,
            "tries": MOST_TRIES,
        }
