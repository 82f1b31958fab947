"""Packs: objects of the bucket, from the intent to upload one to its end."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.values import Opened, PackRecord, PackState
from expokeep.model.digest import Digest

_SQL = queries.beside(__file__)


class Intended(NamedTuple):
    """What became of a wish to upload packs."""

    is_known: bool
    """There is such a session."""
    is_blocked: bool
    """A pack that was doomed under another key still has an id of these."""
    known: Sequence[Digest]
    """What is kept of the contents that were wanted."""


@dataclass(frozen=True, slots=True)
class Packs:
    """What is asked of the table of packs, in the caller's transaction."""

    connection: Connection[TupleRow]

    def intend(
        self, opened: Opened, packs: Sequence[PackRecord], wanted: Collection[Digest]
    ) -> Intended:
        """Record intents.

        What is kept of `wanted` counts as reused by the first of `packs`.
        """
        values = {
            "session": opened.session,
            "host": opened.host,
            "wanted": list(wanted),
            "ids": [pack.id for pack in packs],
            "keys": [pack.key for pack in packs],
            "kinds": [pack.kind for pack in packs],
            "levels": [pack.level for pack in packs],
            "sizes_bytes": [pack.size_bytes for pack in packs],
        }
        with self.connection.cursor(binary=True) as cursor:
            (row,) = cursor.execute(_SQL["intend"], values).fetchall()
            return Intended(*row)

    def displace(self, packs: Sequence[PackRecord]) -> None:
        """Free the ids of packs from those that were doomed under another key."""
        values = {
            "ids": [pack.id for pack in packs],
            "keys": [pack.key for pack in packs],
        }
        self.connection.execute(_SQL["displace"], values)

    def states(self, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, PackState]:
        """Return the states of packs; what has no row is left out."""
        cursor = self.connection.execute(_SQL["states"], {"ids": list(ids)})
        return dict(cursor.fetchall())

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
