"""What is asked of the past of sessions beyond restoring it.

What people said of versions, what each of them changed, the lives of directories, which
states a path went through, and who has some contents.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, dict_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.history import entry_in
from expokeep.catalog.hooking import HookRuns
from expokeep.catalog.past_values import Counts, Epoch, HookRun, Remark, State, Viewer
from expokeep.catalog.values import Found
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.version import Version

_SQL = queries.beside(__file__)


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
