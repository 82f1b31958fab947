"""The catalog on Postgres: each method one short transaction, made of repositories."""

import datetime
import uuid
from collections.abc import Collection, Iterator, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import finding, opening
from expokeep.catalog.blobs import Blobs
from expokeep.catalog.committing import committed
from expokeep.catalog.connection import Database, reading
from expokeep.catalog.history import History
from expokeep.catalog.hosts import Hosts
from expokeep.catalog.migrate import Migrations, known_migrations
from expokeep.catalog.packs import Intended, Packs
from expokeep.catalog.resolving import resolved
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import (
    BaseMoved,
    Found,
    Host,
    Kept,
    NewVersion,
    Opened,
    PackRecord,
    Place,
    RootIdentity,
    RootOwner,
    SchemaStatus,
    SessionRow,
    Trace,
)
from expokeep.catalog.versions import Versions
from expokeep.errors import NotFound
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry
from expokeep.model.version import Version, VersionRef

_MIGRATION_ANSWER_S = 600.0
"""A migration may have to rewrite a table, or wait for one that does."""


class PostgresCatalog:
    """Implements `base.Catalog`; what each method promises is said there."""

    def __init__(self, database: Database, *, scope: str = "main") -> None:
        self.database = database
        self._scope = scope

    def open_session(
        self,
        session: SessionId,
        identity: RootIdentity,
        root: RootOwner,
        host: Host,
        *,
        owner: str | None = None,
    ) -> Opened:
        """Make the session and the epoch known, and tell where they stand."""
        wish = opening.Wish(session, identity, root, host, owner, self._scope)

        def work(connection: Connection[TupleRow]) -> Opened:
            known = opening.already_open(connection, wish)
            return known or opening.opened(connection, wish)

        return self.database.run(work)

    def take(self, session: SessionId, host: Host, *, force: bool = False) -> None:
        """Take a session for a host, who may move its head from now on."""
        self.database.run(
            lambda connection: opening.take(connection, session, host, force=force)
        )

    def begin(
        self,
        opened: Opened,
        packs: Sequence[PackRecord],
        wanted: Collection[Digest],
    ) -> frozenset[Digest]:
        """Record the intents of packs; return which of `wanted` is kept already."""

        def work(connection: Connection[TupleRow]) -> Intended:
            found = Packs(connection).intend(opened, packs, wanted)
            if not found.is_blocked:
                return found
            with connection.transaction():
                Packs(connection).displace(packs)
                return Packs(connection).intend(opened, packs, wanted)

        intended = self.database.run(work)
        if not intended.is_known:
            raise BaseMoved(f"session {opened.session} is not known any more")
        return frozenset(intended.known)

    def trace(self, packs: Sequence[uuid.UUID]) -> Trace:
        """Tell what became of packs that were meant for one version."""

        def work(connection: Connection[TupleRow]) -> Trace:
            version = Versions(connection).of_pack(packs[0])
            return Trace(version, Packs(connection).states(packs))

        return self.database.run(work)

    def commit(self, new: NewVersion) -> Version:
        """Make a version visible."""
        return self.database.run(lambda connection: committed(connection, new))

    def register_restored(
        self,
        session: SessionId,
        identity: RootIdentity,
        host: Host,
        *,
        seq: int,
        force: bool = False,
    ) -> None:
        """Tell that a directory was made by restoring version `seq` into it."""
        arrived = opening.Arrived(session, identity, host, seq)
        self.database.run(
            lambda connection: opening.restored(connection, arrived, force=force)
        )

    def accept(self, version: Version) -> int | None:
        """Make a version head, whatever it was parked for; return the head before."""

        def work(connection: Connection[TupleRow]) -> int | None:
            with connection.transaction():
                before = Sessions(connection).move_head(version.session, version.seq)
                Versions(connection).accept(version.session, version.seq)
                if before is not None and before != version.seq:
                    Versions(connection).pin(version.session, before)
            return before

        return self.database.run(work)

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
            lambda connection: Blobs(connection).places(self._scope, digests)
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

    def describe(
        self,
        session: SessionId,
        *,
        owner: str | None = None,
        project_name: str | None = None,
    ) -> None:
        """Set what a person says of a session; None leaves a value as it is."""
        if not self.database.run(
            lambda connection: Sessions(connection).describe(
                session, owner=owner, project_name=project_name
            )
        ):
            raise _no_session(session)

    def touch(self, session: SessionId, *, at: datetime.datetime) -> None:
        """Note that a session was used: retention counts from here."""
        if not self.database.run(
            lambda connection: Sessions(connection).touch(session, at=at)
        ):
            raise _no_session(session)

    def heartbeat(self, host: Host, *, lease_s: float) -> bool:
        """Keep the lease of this host alive; return whether facts wait."""
        return self.database.run(
            lambda connection: Hosts(connection).beat(host, lease_s=lease_s)
        )

    def server_time(self) -> datetime.datetime:
        """Return the clock of Postgres, to compare ours with."""
        return self.database.run(lambda connection: Hosts(connection).server_time())

    def schema_status(self) -> SchemaStatus:
        """Return which schema is there and which we know."""
        known = tuple(known_migrations())
        return self.database.run(
            lambda connection: Migrations(connection, known).status()
        )

    def migrate(self, *, dry_run: bool = False) -> tuple[str, ...]:
        """Apply what is pending, under a lock; return the names of it."""
        pending = self.schema_status().pending
        if dry_run or not pending:
            return pending
        known, schema = tuple(known_migrations()), self.database.schema
        with self.database.apart(answer_s=_MIGRATION_ANSWER_S) as connection:
            migrations = Migrations(connection, known)
            migrations.prepare(schema)
            return tuple(one.name for one in known if migrations.apply(one, schema))

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()


def _no_version(version: Version) -> NotFound:
    return NotFound(f"version {version.seq} of {version.session} is no longer kept")


def _no_session(session: SessionId) -> NotFound:
    return NotFound(f"no session {session} is kept")
