"""Merging: what lies in many packs is told and found in one.

The packs that are replaced are retired in the transaction in which the new one is
shown, so that at no moment anything is in neither, or has to be looked for in both.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, args_row, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.caring import Chain, Life, Link, LiveBlob, Outdated, Swap
from expokeep.catalog.connection import Database, reading
from expokeep.catalog.packs import Packs
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import Place
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, Entry, File
from expokeep.model.tree import Link as Symlink
from expokeep.model.version import Version

_SQL = queries.beside(__file__)

AT_ONCE = 1000
ANSWER_S = 120.0
"""What is asked here may look at every content of a session."""


@dataclass(frozen=True, slots=True)
class PostgresMerging:
    """Implements `retention.ports.Merges`; what it promises is said there."""

    database: Database

    def crowded(self, *, fan: int, top: int) -> list[tuple[SessionId, int]]:
        """Return epochs with so many packs of one level, below `top`."""
        query, values = _SQL["crowded"], {"fan": fan, "top": top, "limit": AT_ONCE}
        return self.database.run(
            lambda connection: connection.execute(query, values).fetchall()
        )

    def wasteful(
        self, ids: Sequence[uuid.UUID], *, share: float, least_bytes: int
    ) -> list[tuple[SessionId, int | None, uuid.UUID]]:
        """Return those of these packs of which more than `share` is dead."""
        query = _SQL["wasteful"]
        values = {"ids": list(ids), "share": share, "least_bytes": least_bytes}
        return self.database.run(
            lambda connection: connection.execute(query, values).fetchall()
        )

    def chain(self, session: SessionId, epoch: int) -> Chain:
        """Return what tells an epoch, from one consistent read."""
        values = {"session": session, "epoch": epoch}

        def work(connection: Connection[TupleRow]) -> Chain:
            with reading(connection):
                asked = Chains(connection)
                links, kept = asked.links(values), asked.kept(values)
            return Chain(session, epoch, tuple(links), tuple(kept))

        return self.database.run(work)

    def lives(
        self, session: SessionId, epoch: int, packs: Collection[uuid.UUID]
    ) -> tuple[list[Version], list[Life]]:
        """Return the versions that packs tell, and every entry that one of them has."""
        values = {"session": session, "epoch": epoch, "packs": list(packs)}

        def work(connection: Connection[TupleRow]) -> tuple[list[Version], list[Life]]:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                asked = Chains(connection)
                told = asked.told(values)
                if not told:
                    return [], []
                span = {"first": told[0].seq, "last": told[-1].seq}
                return told, asked.entries({**values, **span})

        return self.database.run(work)

    def blobs(
        self,
        session: SessionId,
        packs: Collection[uuid.UUID],
        *,
        for_others: bool = False,
    ) -> list[LiveBlob]:
        """Return what of the contents of packs somebody needs, as they lie.

        With `for_others` only what sessions need that are not deleted.
        """
        query = _SQL["blobs"]
        values = {"session": session, "packs": list(packs), "for_others": for_others}
        with (
            self.database.apart(answer_s=ANSWER_S) as connection,
            connection.cursor(binary=True) as cursor,
        ):
            rows = cursor.execute(query, values).fetchall()
        return [_live(row) for row in rows]

    def hosts_of_others(self) -> list[SessionId]:
        """Return deleted sessions whose packs hold what others still need."""
        query = _SQL["hosts_of_others"]
        with (
            self.database.apart(answer_s=ANSWER_S) as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            return cursor.execute(query, {"limit": AT_ONCE}).fetchall()

    def packs_of(self, session: SessionId) -> list[uuid.UUID]:
        """Return the packs of a session, but for those of single big files."""
        query = _SQL["packs_of"]

        def work(connection: Connection[TupleRow]) -> list[uuid.UUID]:
            with connection.cursor(row_factory=scalar_row) as cursor:
                return cursor.execute(query, {"session": session}).fetchall()

        return self.database.run(work)

    def begin(self, swap: Swap, *, host: uuid.UUID) -> None:
        """Record the intent of a merge."""
        query = _SQL["begin"]
        values = {
            "pack": swap.pack.id,
            "key": swap.pack.key,
            "level": swap.pack.level,
            "session": swap.session,
            "host": host,
        }
        self.database.run(lambda connection: connection.execute(query, values))

    def swap(self, swap: Swap) -> None:
        """Show a merge whose object is durable, and retire what it replaces.

        Raises:
            Outdated: it was doomed, or would not tell all that they tell. Nothing was
                changed.
        """

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                Sessions(connection).lock(swap.session)
                Packs(connection).lock([swap.pack.id, *swap.old])
                Swapping(connection, swap).run()

        self.database.run(work)


@dataclass(frozen=True, slots=True)
class Chains:
    """What is asked of the chain of an epoch, in the caller's transaction."""

    connection: Connection[TupleRow]

    def links(self, values: dict[str, Any]) -> list[Link]:
        """Return the live packs that tell it."""
        with self.connection.cursor(row_factory=args_row(Link)) as cursor:
            return cursor.execute(_SQL["links"], values).fetchall()

    def kept(self, values: dict[str, Any]) -> list[int]:
        """Return the numbers of its versions."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(_SQL["kept"], values).fetchall()

    def told(self, values: dict[str, Any]) -> list[Version]:
        """Return the versions that some packs tell."""
        with self.connection.cursor(row_factory=class_row(Version)) as cursor:
            return cursor.execute(_SQL["told"], values).fetchall()

    def entries(self, values: dict[str, Any]) -> list[Life]:
        """Return the entries between two versions, and how long each is so."""
        with self.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_SQL["entries"], values).fetchall()
        return [Life(row[0], _entry(row), *row[7:]) for row in rows]


@dataclass(frozen=True, slots=True)
class Swapping:
    """The steps of a swap, in one transaction, under the lock of the session."""

    connection: Connection[TupleRow]
    pending: Swap

    def run(self) -> None:
        """Show the merge."""
        values = {
            "pack": self.pending.pack.id,
            "size_bytes": self.pending.pack.size_bytes,
            "session": self.pending.session,
            "epoch": self.pending.epoch,
            "old": list(self.pending.old),
        }
        is_intent, told = self.standing(values)
        if not is_intent:
            raise Outdated(f"merge {self.pending.pack.id} was doomed meanwhile")
        if self.pending.epoch is not None:
            if not set(told) <= set(self.pending.told):
                raise Outdated(f"{self.pending.session} has other versions by now")
            self.tell(values)
        self.publish(values)
        self.move({**values, **_columns(self.pending.places)})
        self.retire(values)

    def standing(self, values: dict[str, Any]) -> tuple[bool, list[int]]:
        """Return whether the merge is an intent, and what the old packs tell."""
        ((is_intent, told),) = self.connection.execute(
            _SQL["standing"], values
        ).fetchall()
        return is_intent, told

    def publish(self, values: dict[str, Any]) -> None:
        """Make the merge live."""
        self.connection.execute(_SQL["publish"], values)

    def move(self, values: dict[str, Any]) -> None:
        """Let contents be found in the merge."""
        self.connection.execute(_SQL["move"], values)

    def tell(self, values: dict[str, Any]) -> None:
        """Let versions be told by the merge."""
        self.connection.execute(_SQL["tell"], values)

    def retire(self, values: dict[str, Any]) -> None:
        """Send those old packs on their way that hold nothing more that is needed."""
        self.connection.execute(_SQL["retire"], values)


def _columns(places: Sequence[Place]) -> dict[str, Any]:
    return {
        "digests": [place.digest for place in places],
        "frame_offsets": [place.frame_offset for place in places],
        "frame_lengths": [place.frame_length for place in places],
        "frame_raw_lengths": [place.frame_raw_length for place in places],
        "raw_offsets": [place.offset for place in places],
    }


def _live(row: TupleRow) -> LiveBlob:
    name, mode, mtime_ns, in_head, session = row[8:]
    return LiveBlob(Place(*row[:8]), name, mode, mtime_ns, in_head, SessionId(session))


def _entry(row: TupleRow) -> Entry:
    _, kind, mode, mtime_ns, digest, size_bytes, target = row[:7]
    if kind == "f":
        return File(digest, size_bytes, mode, mtime_ns)
    if kind == "l":
        return Symlink(target, mtime_ns)
    return Directory(mode, mtime_ns)
