"""Packs: objects of the bucket, from the intent to upload one to its end."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.values import Opened, PackRecord
from expokeep.model.digest import Digest

_SQL = queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Packs:
    """What is asked of the table of packs, in the caller's transaction."""

    connection: Connection[TupleRow]

    def intend(
        self, opened: Opened, packs: Sequence[PackRecord], wanted: Collection[Digest]
    ) -> frozenset[Digest] | None:
        """Record intents; return what is kept of `wanted`, or None without the right.

        What is kept counts as reused by the first of `packs`.
        """
        values = {
            "session": opened.session,
            "fence": opened.fence,
            "wanted": list(wanted),
            "ids": [pack.id for pack in packs],
            "keys": [pack.key for pack in packs],
            "kinds": [pack.kind for pack in packs],
            "levels": [pack.level for pack in packs],
            "sizes_bytes": [pack.size_bytes for pack in packs],
        }
        with self.connection.cursor(binary=True) as cursor:
            ((is_ours, known),) = cursor.execute(_SQL["intend"], values).fetchall()
            return frozenset(known) if is_ours else None

    def lock(self, ids: Collection[uuid.UUID]) -> None:
        """Keep others from changing the states of packs until the transaction ends."""
        self.connection.execute(_SQL["lock"], {"ids": list(ids)})

    def publish(self, packs: Sequence[PackRecord]) -> None:
        """Make packs live that are in the bucket."""
        values = {
            "ids": [pack.id for pack in packs],
            "sizes_bytes": [pack.size_bytes for pack in packs],
        }
        self.connection.execute(_SQL["publish"], values)

    def revive(self, ids: Collection[uuid.UUID]) -> None:
        """Make retired packs live again."""
        self.connection.execute(_SQL["revive"], {"ids": list(ids)})
