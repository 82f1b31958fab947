"""Makes a catalog anew, session by session: what was planned is written as it is."""

import datetime
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.revival import NOBODY, KnownEpoch, KnownVersion
from expokeep.catalog.values import PackRecord
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """What is asked and written by a rebuild, in the caller's transaction."""

    connection: Connection[TupleRow]

    def begin(self) -> bool:
        """Begin a rebuild, or go on with one; return whether that may be."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return bool(cursor.execute(_SQL["begin"]).fetchone())

    def exclusive(self) -> None:
        """Keep all others from making sessions until the transaction ends."""
        self.connection.execute(_SQL["exclusive"])

    def under_way(self) -> bool:
        """Return whether a rebuild has begun and not ended."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return bool(cursor.execute(_SQL["under_way"]).fetchone())

    def end(self) -> None:
        """End a rebuild."""
        self.connection.execute(_SQL["end"])

    def caught_up(self, number: int, facts_at: datetime.datetime) -> None:
        """Take over how far the bucket is."""
        values = {"number": number, "facts_at": facts_at}
        self.connection.execute(_SQL["caught_up"], values)

    def allow(self) -> None:
        """Let this transaction make sessions and epochs while others may not."""
        self.connection.execute(_SQL["allow"])

    def silence(self, *, silent: bool) -> None:
        """Let this transaction note no facts, or note them again."""
        self.connection.execute(_SQL["silence"], {"silent": "on" if silent else "off"})

    def facts_at(self) -> datetime.datetime:
        """Return when the newest fact was noted that we know to be written."""
        ((at,),) = self.connection.execute(_SQL["facts_at"]).fetchall()
        found: datetime.datetime = at
        return found

    def abandoned(self, silent_s: float) -> list[tuple[SessionId, PackRecord]]:
        """Return intents of hosts that were not heard of for so long."""
        values = {"silent_s": silent_s}
        rows = self.connection.execute(_SQL["abandoned"], values).fetchall()
        return [(row[0], PackRecord(*row[1:])) for row in rows]

    def settled(self) -> frozenset[str]:
        """Return keys of packs that are known, or that a living host will tell of."""
        with self.connection.cursor(row_factory=scalar_row, binary=True) as cursor:
            return frozenset(cursor.execute(_SQL["settled"]).fetchall())

    def expect(self, session: SessionId, *, scope: str, uid: int) -> None:
        """Make a session known of which nothing else is known yet."""
        values = {"session": session, "scope": scope, "uid": uid}
        self.connection.execute(_SQL["expect"], values)

    def add_packs(self, session: SessionId, packs: Sequence[PackRecord]) -> None:
        """Make packs known, as intents."""
        values = {
            "session": session,
            "ids": [pack.id for pack in packs],
            "keys": [pack.key for pack in packs],
            "kinds": [pack.kind for pack in packs],
            "levels": [pack.level for pack in packs],
            "sizes_bytes": [pack.size_bytes for pack in packs],
            "host": NOBODY,
        }
        self.connection.execute(_SQL["add_packs"], values)

    def publish(self, packs: Collection[uuid.UUID]) -> None:
        """Make intents live that are in the bucket."""
        self.connection.execute(_SQL["publish"], {"ids": list(packs)})

    def numbers(self, session: SessionId) -> tuple[int, int | None] | None:
        """Return the last number and the head of a session, if there is one."""
        values = {"session": session}
        row = self.connection.execute(_SQL["numbers"], values).fetchone()
        return None if row is None else (row[0], row[1])

    def versions(self, session: SessionId) -> tuple[KnownVersion, ...]:
        """Return the versions of a session, oldest first."""
        with self.connection.cursor(row_factory=class_row(KnownVersion)) as cursor:
            cursor.execute(_SQL["versions"], {"session": session})
            return tuple(cursor.fetchall())

    def epochs(self, session: SessionId) -> tuple[KnownEpoch, ...]:
        """Return the epochs of a session."""
        rows = self.connection.execute(_SQL["epochs"], {"session": session}).fetchall()
        return tuple(
            KnownEpoch(number, (host, int(device), int(inode), birth_ns), *rest)
            for number, host, device, inode, birth_ns, *rest in rows
        )
