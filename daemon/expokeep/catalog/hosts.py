"""The hosts that keep sessions, and their leases. Postgres' clock is the only one."""

import datetime
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, args_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.values import Host

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Hosts:
    """What is asked of the table of hosts, in the caller's transaction."""

    connection: Connection[TupleRow]

    def beat(self, host: Host, *, lease_s: float) -> bool:
        """Make the lease of a host run for `lease_s` from now.

        Returns whether facts wait to be written into the bucket.
        """
        values = {"id": host.id, "name": host.name, "lease_s": lease_s}
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return bool(cursor.execute(_SQL["beat"], values).fetchone())

    def appear(self, host: Host, *, lease_s: float) -> None:
        """Make a host known whose lease has run out or never began."""
        values = {"id": host.id, "name": host.name, "lease_s": lease_s}
        self.connection.execute(_SQL["appear"], values)

    def release(self, host: Host) -> int:
        """End the lease of a host; return how many sessions others may take over."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            found: int = cursor.execute(_SQL["release"], {"id": host.id}).fetchall()[0]
            return found

    def server_time(self) -> datetime.datetime:
        """Return what Postgres takes the time to be."""
        with self.connection.cursor(row_factory=args_row(_only_time)) as cursor:
            return cursor.execute(_SQL["server_time"]).fetchall()[0]


def _only_time(time: datetime.datetime) -> datetime.datetime:
    return time
