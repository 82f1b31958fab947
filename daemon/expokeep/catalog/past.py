"""What is asked of the past of sessions beyond restoring it.

What people said of versions, what each of them changed, the lives of directories, which
states a path went through, and who has some contents.
"""

import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, dict_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.history import entry_in
from expokeep.catalog.hooking import HookRun, HookRuns
from expokeep.catalog.values import Found
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry
from expokeep.model.version import Version

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Remark:
    """What was said of a version since it was recorded."""

    labels: tuple[str, ...] = ()
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a version changed against its parent: files and links."""

    seq: int
    added: int
    modified: int
    deleted: int
    renamed: int
    """Moved as they were, and counted nowhere else."""
    changed_bytes: int
    """Of contents that were not at their path before."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One life of a session's directory."""

    number: int
    host: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None
    base_seq: int | None
    """The version that it was restored from, if it was."""
    first_seq: int | None
    """Of the versions that are kept; None if none is."""
    last_seq: int | None
    versions: int


@dataclass(frozen=True, slots=True)
class State:
    """What a path was in an epoch, from a version up to, and without, another."""

    epoch: int
    valid_from: int
    valid_to: int | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose sessions are meant; with neither, everybody's."""

    owner: str | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class PostgresPast:
    """Asks Postgres; each method is one short transaction.

    All raise `BackendUnreachable` when there is no answer in time.
    """

    database: Database

    def hooks(self, session: SessionId, seqs: Collection[int]) -> dict[int, HookRun]:
        """Return what came of the command on versions, without what it printed."""
        return HookRuns(self.database).of_session(session, seqs)

    def hook(self, session: SessionId, seq: int) -> HookRun | None:
        """Return what came of the command on a version."""
        return HookRuns(self.database).of_version(session, seq)

    def remarks(self, session: SessionId, seqs: Collection[int]) -> dict[int, Remark]:
        """Return what was said of versions; those of which nothing was are left out."""
        rows = self._rows(_SQL["remarks"], {"session": session, "seqs": list(seqs)})
        return {
            row["seq"]: Remark(tuple(row["labels"]), row["is_pinned"]) for row in rows
        }

    def counts(self, session: SessionId, seqs: Collection[int]) -> dict[int, Counts]:
        """Return what versions changed; those that changed nothing are left out."""
        rows = self._rows(_SQL["counts"], {"session": session, "seqs": list(seqs)})
        return {row["seq"]: Counts(**row) for row in rows}

    def epochs(self, session: SessionId) -> list[Epoch]:
        """Return the lives of a session's directory, newest first."""
        rows = self._rows(_SQL["epochs"], {"session": session})
        return [Epoch(**row) for row in rows]

    def chain(self, session: SessionId, seq: int, *, limit: int) -> list[Version]:
        """Return a version, its parent, and so on; at most `limit`."""
        query = _SQL["chain"]
        values = {"session": session, "seq": seq, "limit": limit}

        def work(connection: Connection[TupleRow]) -> list[Version]:
            with connection.cursor(row_factory=class_row(Version)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def lives(self, session: SessionId, path: bytes) -> list[State]:
        """Return all that a path ever was, in any order."""
        rows = self._tuples(_SQL["lives"], {"session": session, "name": path})
        return [State(row[8], row[9], row[10], entry_in(row)) for row in rows]

    def holders(
        self,
        digest: Digest,
        viewer: Viewer,
        sessions: Collection[SessionId],
        *,
        limit: int,
    ) -> Iterator[Found]:
        """Return where these contents are kept, of what a viewer may see, sorted.

        Only in these sessions, if there are any.
        """
        values = {
            "digest": digest,
            "owner": viewer.owner,
            "uid": viewer.uid,
            "sessions": list(sessions),
            "limit": limit,
        }
        for row in self._tuples(_SQL["holders"], values):
            yield Found(row[7], row[0], entry_in(row), *row[8:])

    def _rows(self, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        def work(connection: Connection[TupleRow]) -> list[dict[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def _tuples(self, query: str, values: dict[str, Any]) -> list[TupleRow]:
        def work(connection: Connection[TupleRow]) -> list[TupleRow]:
            with connection.cursor(binary=True) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)
