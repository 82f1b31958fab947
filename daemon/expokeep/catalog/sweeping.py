"""Sweeping: packs that nobody needs, from the first sign to the end of their rows.

Whatever is decided here is decided once more under locks before an object may go.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, args_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.caring import Outgoing
from expokeep.catalog.connection import Database

_SQL = queries.beside(__file__)

AT_ONCE = 500
"""Packs that are looked at in one statement."""
_FIRST = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class PostgresSweeping:
    """Implements `retention.ports.Packs`; what it promises is said there."""

    database: Database

    def live(self) -> Iterator[list[uuid.UUID]]:
        """Yield all live packs, some at a time."""
        query, after = _SQL["live"], _FIRST

        def work(connection: Connection[TupleRow]) -> list[uuid.UUID]:
            with connection.cursor(row_factory=scalar_row) as cursor:
                values = {"after": after, "limit": AT_ONCE}
                return cursor.execute(query, values).fetchall()

        while page := self.database.run(work):
            yield page
            after = page[-1]

    def unneeded(self, ids: Sequence[uuid.UUID]) -> list[Outgoing]:
        """Return those of these packs that `retire` would retire."""
        return self._outgoing(_SQL["unneeded"], {"ids": list(ids)})

    def retire(self, ids: Sequence[uuid.UUID]) -> list[Outgoing]:
        """Send those of these packs on their way that nobody needs; return them."""
        return self._outgoing(_SQL["retire"], {"ids": list(ids)})

    def doom(
        self, *, grace_s: float, limit: int, not_again: Collection[uuid.UUID]
    ) -> tuple[list[Outgoing], list[uuid.UUID]]:
        """Doom retired packs whose grace is over and that still nobody needs.

        Returns them, and all that were looked at: those among them that somebody needs
        are live again, and those that somebody may need just now stay retired.
        """
        values = {"grace_s": grace_s, "limit": limit, "not_again": list(not_again)}

        def work(
            connection: Connection[TupleRow],
        ) -> tuple[list[Outgoing], list[uuid.UUID]]:
            with connection.transaction():
                return Dooming(connection).run(values)

        return self.database.run(work)

    def doom_stale(self, *, grace_s: float, limit: int) -> list[Outgoing]:
        """Doom intents that nobody will ever commit; return them."""
        values = {"grace_s": grace_s, "limit": limit}

        def work(connection: Connection[TupleRow]) -> list[Outgoing]:
            with connection.transaction():
                return Dooming(connection).run_stale(values)

        return self.database.run(work)

    def stale(self, *, grace_s: float, limit: int) -> list[Outgoing]:
        """Return the intents that `doom_stale` would doom."""
        values = {"grace_s": grace_s, "limit": limit}
        return self.database.run(lambda connection: Dooming(connection).stale(values))

    def doomed(self, *, limit: int, not_again: Collection[uuid.UUID]) -> list[Outgoing]:
        """Return packs whose objects are to be deleted, the oldest first."""
        values = {"limit": limit, "not_again": list(not_again)}
        return self._outgoing(_SQL["doomed"], values)

    def bury(self, ids: Sequence[uuid.UUID]) -> None:
        """Drop the rows of doomed packs whose objects are gone."""
        query = _SQL["bury"]
        self.database.run(lambda connection: connection.execute(query, {"ids": ids}))

    def retired(self, *, grace_s: float) -> tuple[int, int]:
        """Return how many packs are due, and how many bytes they have."""
        query = _SQL["retired"]

        def work(connection: Connection[TupleRow]) -> tuple[int, int]:
            ((packs, size_bytes),) = connection.execute(
                query, {"grace_s": grace_s}
            ).fetchall()
            return packs, size_bytes

        return self.database.run(work)

    def _outgoing(self, query: str, values: dict[str, Any]) -> list[Outgoing]:
        def work(connection: Connection[TupleRow]) -> list[Outgoing]:
            with connection.cursor(row_factory=args_row(Outgoing)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)


@dataclass(frozen=True, slots=True)
class Dooming:
    """The steps to a doomed pack, in one transaction."""

    connection: Connection[TupleRow]

    def run(self, wish: dict[str, Any]) -> tuple[list[Outgoing], list[uuid.UUID]]:
        """Doom what is due; return it, and what was looked at."""
        due = self.due(wish)
        held = set(self.hold(due))
        ids = [pack for pack in due if pack not in held]
        needed = set(self.revive(ids))
        going = [pack for pack in ids if pack not in needed]
        self.drop_blobs(going)
        return self.doom(going), due

    def run_stale(self, wish: dict[str, Any]) -> list[Outgoing]:
        """Doom intents that nobody will commit; return them.

        An adoption or a rebuild makes known what an intent holds, and versions of other
        sessions may name it: then it stays.
        """
        ids = [one.pack for one in self.stale(wish)]
        held = set(self.hold(ids))
        going = [pack for pack in ids if pack not in held]
        self.drop_blobs(going)
        return self.doom_stale(going)

    def doom_stale(self, ids: list[uuid.UUID]) -> list[Outgoing]:
        """Doom these intents, as far as nothing is in them any more."""
        with self.connection.cursor(row_factory=args_row(Outgoing)) as cursor:
            return cursor.execute(_SQL["doom_stale"], {"ids": ids}).fetchall()

    def due(self, wish: dict[str, Any]) -> list[uuid.UUID]:
        """Return retired packs whose grace is over, and keep others from them."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(_SQL["due"], wish).fetchall()

    def hold(self, ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Keep others from the contents of packs; return those where we cannot."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(_SQL["hold"], {"ids": ids}).fetchall()

    def revive(self, ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Make packs live again that somebody needs; return them."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(_SQL["revive"], {"ids": ids}).fetchall()

    def drop_blobs(self, ids: Sequence[uuid.UUID]) -> None:
        """Drop the contents of packs."""
        self.connection.execute(_SQL["drop_blobs"], {"ids": ids})

    def doom(self, ids: Sequence[uuid.UUID]) -> list[Outgoing]:
        """Doom packs that hold nothing any more."""
        with self.connection.cursor(row_factory=args_row(Outgoing)) as cursor:
            return cursor.execute(_SQL["doom"], {"ids": ids}).fetchall()

    def stale(self, wish: dict[str, Any]) -> list[Outgoing]:
        """Return intents that nobody will commit, and keep others from them."""
        with self.connection.cursor(row_factory=args_row(Outgoing)) as cursor:
            return cursor.execute(_SQL["stale"], wish).fetchall()
