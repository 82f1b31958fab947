"""Asks Postgres about itself, and about who else is connected: for a doctor."""

import datetime
import uuid
from dataclasses import dataclass

from psycopg.rows import args_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Server:
    """What a server is and allows."""

    version: int
    """As `server_version_num`: 150004."""
    connections: int
    """That may be had, without those of superusers."""
    connected: int
    is_read_only: bool
    is_durable: bool
    """Whether what it has acknowledged survives a power cut."""
    is_private: bool
    """Whether our connection to it is local, or encrypted."""


def called(host: uuid.UUID, process: uuid.UUID) -> str:
    """Return what a daemon is listed as in Postgres: who it is, and which process.

    >>> called(uuid.UUID(int=1), uuid.UUID(int=2))
    'expokeep 00000000000000000000000000000001 00000002'
    """
    return f"{_host(host)} {process.hex[-8:]}"


@dataclass(frozen=True, slots=True)
class Examining:
    """Asks. Raises as the catalog does."""

    database: Database

    def server(self) -> Server:
        """Return what the server is."""
        with self.database.streaming() as connection:
            cursor = connection.cursor(row_factory=args_row(Server))
            return cursor.execute(_SQL["server"]).fetchall()[0]

    def closed(self) -> list[str]:
        """Return our tables that this role may not read and write."""
        with self.database.streaming() as connection:
            cursor = connection.cursor(row_factory=scalar_row)
            return cursor.execute(
                _SQL["closed"], {"schema": self.database.schema}
            ).fetchall()

    def twins(self, host: uuid.UUID, since: datetime.datetime) -> list[str]:
        """Return from where another process acts as this host.

        Args:
            host: whose id it is.
            since: when the process that asks began, by Postgres' clock.
        """
        values = {"host": _host(host), "since": since}
        with self.database.streaming() as connection:
            cursor = connection.cursor(row_factory=scalar_row)
            return cursor.execute(_SQL["twins"], values).fetchall()


def _host(host: uuid.UUID) -> str:
    return f"expokeep {host.hex}"
