"""Epochs: the lives of a session's directories, each with a chain of its own."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow, TupleRow, dict_row

from expokeep.catalog import queries
from expokeep.catalog.values import (
    Holder,
    Host,
    NewVersion,
    Opened,
    RootIdentity,
    RootOwner,
)
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Epochs:
    """What is asked of the table of epochs, in the caller's transaction."""

    connection: Connection[TupleRow]

    def opened(
        self, session: SessionId, identity: RootIdentity, host: Host
    ) -> Opened | None:
        """Return where the epoch of a directory stands, if it is known."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_SQL["opened"], _values(session, identity, host))
            row = cursor.fetchone()
            return None if row is None else _opened(row)

    def begin(self, session: SessionId, identity: RootIdentity, host: Host) -> None:
        """Give the directory a number, unless it has one."""
        self.connection.execute(_SQL["begin"], _values(session, identity, host))

    def forsake(self, session: SessionId) -> None:
        """Drop the epochs of a session that are of no directory, and have nothing."""
        self.connection.execute(_SQL["forsake"], {"session": session})

    def found_on(
        self, session: SessionId, identity: RootIdentity, host: Host, *, seq: int
    ) -> None:
        """Let the chain of an epoch go out from version `seq`, if it has not begun."""
        values = {**_values(session, identity, host), "seq": seq}
        self.connection.execute(_SQL["found_on"], values)

    def advance(self, new: NewVersion) -> None:
        """Let the chain of an epoch end with a new version."""
        values = {
            "session": new.session,
            "epoch": new.epoch,
            "seq": new.seq,
            "pack": new.packs[0].id,
            "parent_pack": new.parent_pack,
        }
        self.connection.execute(_SQL["advance"], values)


def _values(session: SessionId, identity: RootIdentity, host: Host) -> dict[str, Any]:
    return {
        "session": session,
        "host": host.id,
        "device": identity.device,
        "inode": identity.inode,
        "birth_ns": identity.birth_ns,
    }


def _opened(row: DictRow) -> Opened:
    holder_id, name, alive = (
        row.pop(column) for column in ("holder", "holder_name", "holder_is_alive")
    )
    holder = None if holder_id is None else Holder(holder_id, name, alive)
    root = RootOwner(row.pop("root_uid"), row.pop("root_gid"), row.pop("root_mode"))
    return Opened(**row, root=root, holder=holder)
