"""Sessions: who owns them, who may commit to them, and where their head is."""

import datetime
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.values import Holder, Host, NewVersion, RootOwner, SessionRow
from expokeep.model.names import SessionId
from expokeep.model.quota import is_over

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Sessions:
    """What is asked of the table of sessions, in the caller's transaction."""

    connection: Connection[TupleRow]

    def add_scope(self, scope: str) -> None:
        """Make a scope known."""
        self.connection.execute(_SQL["add_scope"], {"scope": scope})

    def add(
        self, session: SessionId, root: RootOwner, *, scope: str, owner: str | None
    ) -> None:
        """Make a session known; one that is known stays as it is."""
        values = {
            "session": session,
            "scope": scope,
            "owner": owner,
            "uid": root.uid,
            "gid": root.gid,
            "mode": root.mode,
        }
        self.connection.execute(_SQL["add"], values)

    def lock(self, session: SessionId) -> None:
        """Keep others from changing a session until the transaction ends."""
        self.connection.execute(_SQL["lock"], {"session": session})

    def claim(self, session: SessionId, host: Host) -> None:
        """Give a session of which there is nothing yet to the first who comes."""
        values = {"session": session, "host": host.id}
        self.connection.execute(_SQL["claim"], values)

    def take(self, session: SessionId, host: Host) -> None:
        """Give a session to a host; whoever held it is fenced off."""
        values = {"session": session, "host": host.id}
        self.connection.execute(_SQL["take"], values)

    def abandon(self, session: SessionId) -> bool:
        """Hide a session of which nothing was ever recorded; return whether it is."""
        values = {"session": session}
        return self.connection.execute(_SQL["abandon"], values).rowcount == 1

    def own(self, session: SessionId, owner: str) -> None:
        """Say whose a session is, if nobody's yet."""
        self.connection.execute(_SQL["own"], {"session": session, "owner": owner})

    def holder(self, session: SessionId) -> Holder | None:
        """Return the host that a session belongs to, if it belongs to one."""
        with self.connection.cursor(row_factory=class_row(Holder)) as cursor:
            return cursor.execute(_SQL["holder"], {"session": session}).fetchone()

    def take_number(self, new: NewVersion, taken_at: datetime.datetime) -> None:
        """Count a version, and make it head where it is to be."""
        # What is kept beside says nothing of what the session is.
        root = new.root if new.moves_head else None
        values = {
            "session": new.session,
            "fence": new.fence,
            "seq": new.seq,
            "moves_head": new.moves_head,
            "project_name": new.project_name if new.moves_head else None,
            "uid": root.uid if root else None,
            "gid": root.gid if root else None,
            "mode": root.mode if root else None,
            "taken_at": taken_at,
            "is_asked": new.trigger == "save" and not is_over(new.parked),
            "is_over": is_over(new.parked),
        }
        self.connection.execute(_SQL["take_number"], values)

    def matching(
        self, prefix: str, *, limit: int, deleted_too: bool = False
    ) -> list[SessionId]:
        """Return ids that begin with `prefix`, sorted: an exact one comes first.

        With `deleted_too` the exact one may be that of a deleted session.
        """
        values = {"prefix": prefix, "limit": limit, "deleted_too": deleted_too}
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            cursor.execute(_SQL["matching"], values)
            return cursor.fetchall()

    def rows(
        self, *, owner: str | None, prefix: str, limit: int, uid: int | None = None
    ) -> list[SessionRow]:
        """Return sessions as lists show them, the one used last first."""
        values = {"owner": owner, "prefix": prefix, "limit": limit, "uid": uid}
        with self.connection.cursor(row_factory=class_row(SessionRow)) as cursor:
            return cursor.execute(_SQL["rows"], values).fetchall()

    def one(self, session: SessionId, *, deleted_too: bool) -> SessionRow | None:
        """Return one session, if there is such a one."""
        values = {"session": session, "deleted_too": deleted_too}
        with self.connection.cursor(row_factory=class_row(SessionRow)) as cursor:
            return cursor.execute(_SQL["one"], values).fetchone()

    def describe(
        self, session: SessionId, *, owner: str | None, project_name: str | None
    ) -> bool:
        """Set what a person says of a session; return whether there is one."""
        values = {"session": session, "owner": owner, "project_name": project_name}
        return self.connection.execute(_SQL["describe"], values).rowcount == 1

    def move_head(self, session: SessionId, seq: int) -> int | None:
        """Make a version head; return the one that was."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            values = {"session": session, "seq": seq}
            before: int | None = cursor.execute(_SQL["move_head"], values).fetchone()
            return before

    def touch(self, session: SessionId, *, at: datetime.datetime) -> bool:
        """Note that a session was used; return whether there is one."""
        values = {"session": session, "at": at}
        return self.connection.execute(_SQL["touch"], values).rowcount == 1
