"""Blobs: contents by their digest, and where in which pack they lie."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.values import Place
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Blobs:
    """What is asked of the table of blobs, in the caller's transaction."""

    connection: Connection[TupleRow]

    def add(self, session: SessionId, places: Sequence[Place]) -> None:
        """Make contents known; those that are known stay where they are.

        Unless a check doubts that they are there: then here they are.
        """
        self.replace(session, places)
        self.connection.execute(_SQL["add"], _values(session, places))

    def replace(self, session: SessionId, places: Sequence[Place]) -> None:
        """Let contents that a check doubts be where they were stored again."""
        if places:
            self.connection.execute(_SQL["replace"], _values(session, places))

    def hold(
        self, session: SessionId, digests: Collection[Digest]
    ) -> Iterable[tuple[Digest, uuid.UUID, bool]]:
        """Keep contents from being deleted until the transaction ends.

        Yields the digest, the pack, and whether that is retired; what is not kept is
        left out.
        """
        values = {"session": session, "digests": list(digests)}
        with self.connection.cursor(binary=True) as cursor:
            return cursor.execute(_SQL["hold"], values).fetchall()

    def places(self, scope: str, digests: Collection[Digest]) -> dict[Digest, Place]:
        """Return where contents are; what is not kept is left out."""
        values = {"scope": scope, "digests": list(digests)}
        with self.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_SQL["places"], values).fetchall()
            return {row[0]: Place(*row) for row in rows}


def _values(session: SessionId, places: Sequence[Place]) -> dict[str, object]:
    return {
        "session": session,
        "digests": [place.digest for place in places],
        "sizes_bytes": [place.size_bytes for place in places],
        "packs": [place.pack for place in places],
        "frame_offsets": [place.frame_offset for place in places],
        "frame_lengths": [place.frame_length for place in places],
        "frame_raw_lengths": [place.frame_raw_length for place in places],
        "raw_offsets": [place.offset for place in places],
    }
