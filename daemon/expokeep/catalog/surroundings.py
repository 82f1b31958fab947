"""What is around the versions of a session, for those who bring one back.

Which newer versions are parked, when a directory was removed, and what other hosts hold
on their disks and could not record yet.
"""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.catalog.values import Around, HeldElsewhere, Host
from expokeep.model.names import SessionId
from expokeep.model.version import Version

_SQL = queries.beside(__file__)


Held = Mapping[SessionId, tuple[int, datetime.datetime]]
"""How many snapshots of each session wait on a host, and since when."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is asked of the tables, in the caller's transaction."""

    connection: Connection[TupleRow]

    def around(self, version: Version) -> Around:
        """Return what is around a version."""
        values = {
            "session": version.session,
            "seq": version.seq,
            "epoch": version.epoch,
        }
        with self.connection.cursor(row_factory=class_row(Around)) as cursor:
            return cursor.execute(_SQL["around"], values).fetchall()[0]

    def ends(self, session: SessionId) -> dict[int, datetime.datetime]:
        """Return the last good versions of directories that are no more."""
        rows = self.connection.execute(_SQL["ends"], {"session": session}).fetchall()
        return dict(rows)

    def held_elsewhere(
        self, sessions: Collection[SessionId], host: Host
    ) -> list[HeldElsewhere]:
        """Return what other hosts hold, oldest first."""
        values = {"sessions": list(sessions), "host": host.id}
        with self.connection.cursor(row_factory=class_row(HeldElsewhere)) as cursor:
            return cursor.execute(_SQL["held_elsewhere"], values).fetchall()

    def clear_held(self, host: Host, sessions: Collection[SessionId]) -> None:
        """Forget what a host said of all other sessions."""
        values = {"host": host.id, "sessions": list(sessions)}
        self.connection.execute(_SQL["clear_held"], values)

    def tell_held(self, host: Host, held: Held) -> None:
        """Write what a host holds of these sessions."""
        values = {
            "host": host.id,
            "sessions": list(held),
            "entries": [entries for entries, _ in held.values()],
            "since": [since for _, since in held.values()],
        }
        self.connection.execute(_SQL["tell_held"], values)

    def end_life(
        self,
        session: SessionId,
        root: tuple[int, int],
        host: Host,
        ago: datetime.timedelta,
    ) -> None:
        """Write when a directory was removed; `root` is its device and its inode."""
        device, inode = root
        values = {
            "session": session,
            "host": host.id,
            "device": device,
            "inode": inode,
            "ago": ago,
        }
        self.connection.execute(_SQL["end_life"], values)


@dataclass(frozen=True, slots=True)
class PostgresSurroundings:
    """Asks Postgres; each method is one short transaction.

    All raise `BackendUnreachable` when there is no answer in time.
    """

    database: Database

    def around(self, version: Version) -> Around:
        """Return what is around a version."""
        return self.database.run(
            lambda connection: Surroundings(connection).around(version)
        )

    def ends(self, session: SessionId) -> dict[int, datetime.datetime]:
        """Return after which versions, by number, a directory was removed, and when."""
        return self.database.run(
            lambda connection: Surroundings(connection).ends(session)
        )

    def held_elsewhere(
        self, sessions: Collection[SessionId], host: Host
    ) -> list[HeldElsewhere]:
        """Return what hosts other than this one hold of sessions, oldest first."""
        return self.database.run(
            lambda connection: Surroundings(connection).held_elsewhere(sessions, host)
        )

    def tell_held(self, host: Host, held: Held) -> None:
        """Say what a host holds now, of all its sessions.

        The host must be known: its heartbeat comes first.
        """

        def work(connection: Connection[TupleRow]) -> None:
            asked = Surroundings(connection)
            with connection.transaction():
                asked.clear_held(host, held)
                asked.tell_held(host, held)

        self.database.run(work)

    def end(
        self,
        session: SessionId,
        root: tuple[int, int],
        host: Host,
        ago: datetime.timedelta,
    ) -> None:
        """Note that a directory is no more; `root` is its device and its inode."""
        self.database.run(
            lambda connection: Surroundings(connection).end_life(
                session, root, host, ago
            )
        )
