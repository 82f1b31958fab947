"""The catalog as a rebuild needs it: each method one transaction, safe to repeat."""

import datetime
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog.blobs import Blobs
from expokeep.catalog.connection import Database, reading
from expokeep.catalog.rebuilding import Rebuilding
from expokeep.catalog.revival import NOBODY, Revival, Standing
from expokeep.catalog.reviving import Reviving, revived
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import UNKNOWN_UID, PackRecord, Place
from expokeep.model.names import SessionId


@dataclass(frozen=True, slots=True)
class PostgresRebuilding:
    """Implements `rebuild.ports.RebuildCatalog`."""

    database: Database
    scope: str

    def begin(self) -> bool:
        """Begin a rebuild of an empty catalog, or go on with one that has not ended.

        Returns whether that may be: not where something else is kept.
        """

        def work(connection: Connection[TupleRow]) -> bool:
            rebuilding = Rebuilding(connection)
            with connection.transaction():
                rebuilding.exclusive()
                if not rebuilding.begin():
                    return False
                Sessions(connection).add_scope(self.scope)
            return True

        return self.database.run(work)

    def is_under_way(self) -> bool:
        """Return whether a rebuild has begun and not ended."""
        return self.database.run(lambda c: Rebuilding(c).under_way())

    def facts_at(self) -> datetime.datetime:
        """Return when the newest fact was noted that we know to be written."""
        return self.database.run(lambda c: Rebuilding(c).facts_at())

    def abandoned(self, *, silent_s: float) -> list[tuple[SessionId, PackRecord]]:
        """Return intents of hosts that were not heard of for so long."""
        return self.database.run(lambda c: Rebuilding(c).abandoned(silent_s))

    def settled(self) -> frozenset[str]:
        """Return keys of packs that are known, or that a living host will tell of."""
        return self.database.run(lambda c: Rebuilding(c).settled())

    def expect(
        self,
        session: SessionId,
        packs: Sequence[PackRecord],
        places: Sequence[Place],
    ) -> None:
        """Make packs of a session and what they hold known, as intents."""

        def work(connection: Connection[TupleRow]) -> None:
            rebuilding = Rebuilding(connection)
            with connection.pipeline(), connection.transaction():
                rebuilding.allow()
                rebuilding.silence(silent=True)
                Reviving(connection).add_hosts([NOBODY])
                Sessions(connection).add_scope(self.scope)
                rebuilding.expect(session, scope=self.scope, uid=UNKNOWN_UID)
                rebuilding.add_packs(session, packs)
                Blobs(connection).add(session, places)

        self.database.run(work)

    def standing(self, session: SessionId) -> Standing:
        """Return what there is of a session."""

        def work(connection: Connection[TupleRow]) -> Standing:
            rebuilding = Rebuilding(connection)
            with reading(connection):
                numbers = rebuilding.numbers(session)
                if numbers is None:
                    return Standing()
                return Standing(
                    *numbers, rebuilding.versions(session), rebuilding.epochs(session)
                )

        return self.database.run(work)

    def revive(
        self, session: SessionId, revival: Revival, packs: Collection[uuid.UUID]
    ) -> None:
        """Write all that a session gets back; `packs` need not be read again."""
        self.database.run(lambda c: revived(c, session, revival, packs))

    def end(self, number: int, facts_at: datetime.datetime) -> None:
        """Take over how far the bucket is: all that it knows is here."""

        def work(connection: Connection[TupleRow]) -> None:
            rebuilding = Rebuilding(connection)
            with connection.pipeline(), connection.transaction():
                rebuilding.caught_up(number, facts_at)
                rebuilding.end()

        self.database.run(work)
