"""Brings the app's row along with a commit, in a statement: Postgres ends those only.

The trigger that would do it comes at the commit, for which there is no time limit: then
a slow trigger of the app's own would hold up every version.
"""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Projection:
    """What the app sees of a session, in the caller's transaction."""

    connection: Connection[TupleRow]

    def hurry(self) -> None:
        """Let no statement take long from now on, until the transaction ends."""
        self.connection.execute(_SQL["hurry"])

    def project(self, session: SessionId) -> None:
        """Write the row, or mark that it is behind."""
        self.connection.execute(_SQL["project"], {"session": session})
