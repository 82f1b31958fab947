"""What the catalog answers to whoever only asks what was kept."""

import datetime
from collections.abc import Collection, Iterator, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import finding
from expokeep.catalog.blobs import Blobs
from expokeep.catalog.connection import Database, reading
from expokeep.catalog.history import History
from expokeep.catalog.resolving import resolved
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import (
    Found,
    Kept,
    Place,
    SessionRow,
)
from expokeep.catalog.versions import Versions
from expokeep.errors import NotFound
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry
from expokeep.model.version import Version, VersionRef


class Reading:
    """Implements `base.Reading`; what each method promises is said there."""

    def __init__(self, database: Database, *, scope: str = "main") -> None:
        self.database = database
        self.scope = scope

    def resolve(self, ref: VersionRef) -> Version:
        """Return the version that is meant."""
        return self.database.run(lambda connection: resolved(connection, ref))

    def kept(self, version: Version) -> Kept:
        """Return a version in full, from one consistent read."""

        def work(connection: Connection[TupleRow]) -> Kept:
            with reading(connection):
                history = History(connection)
                root = history.root(version)
                if root is None:
                    raise _no_version(version)
                tree, places = history.kept(version)
            return Kept(version, tree, places, root)

        return self.database.run(work)

    def tree(self, version: Version) -> dict[bytes, Entry]:
        """Return only the tree of a version."""

        def work(connection: Connection[TupleRow]) -> dict[bytes, Entry]:
            with reading(connection):
                history = History(connection)
                if history.root(version) is None:
                    raise _no_version(version)
                return history.tree(version)

        return self.database.run(work)

    def places(self, digests: Collection[Digest]) -> dict[Digest, Place]:
        """Return where contents are now; what is not kept is left out."""
        return self.database.run(
            lambda connection: Blobs(connection).places(self.scope, digests)
        )

    def versions(
        self,
        session: SessionId,
        *,
        since: datetime.datetime | None = None,
        limit: int = 1000,
    ) -> list[Version]:
        """Return the versions of a session, newest first."""
        return self.database.run(
            lambda connection: Versions(connection).newest(
                session, since=since, limit=limit
            )
        )

    def sessions(
        self,
        *,
        owner: str | None = None,
        uid: int | None = None,
        prefix: str = "",
        limit: int = 1000,
    ) -> list[SessionRow]:
        """Return sessions by their newest access, newest first.

        Only those of a person, or of the user of a directory, if one is named.
        """
        return self.database.run(
            lambda connection: Sessions(connection).rows(
                owner=owner, uid=uid, prefix=prefix, limit=limit
            )
        )

    def session(
        self, session: SessionId, *, deleted_too: bool = False
    ) -> SessionRow | None:
        """Return one session, or None if nothing was ever kept of it."""
        return self.database.run(
            lambda connection: Sessions(connection).one(
                session, deleted_too=deleted_too
            )
        )

    def find(self, glob: bytes, sessions: Sequence[SessionId] = ()) -> Iterator[Found]:
        """Yield every path that ever matched, in these sessions or in all."""
        with self.database.streaming() as connection:
            yield from finding.found(connection, glob, sessions)


def _no_version(version: Version) -> NotFound:
    return NotFound(f"version {version.seq} of {version.session} is no longer kept")
