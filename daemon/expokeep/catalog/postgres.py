"""The catalog on Postgres: each method one short transaction, made of repositories."""

import datetime
import uuid
from collections.abc import Collection, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import opening
from expokeep.catalog.committing import committed
from expokeep.catalog.connection import Database
from expokeep.catalog.hosts import Hosts
from expokeep.catalog.kept import Reading
from expokeep.catalog.migrate import Migrations, known_migrations
from expokeep.catalog.packs import Intended, Packs
from expokeep.catalog.quotas import Quotas
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import (
    BaseMoved,
    Host,
    NewVersion,
    Opened,
    PackRecord,
    RootIdentity,
    RootOwner,
    SchemaStatus,
    Trace,
)
from expokeep.catalog.versions import Versions
from expokeep.errors import NotFound
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.quota import QuotaRules
from expokeep.model.version import Version

_MIGRATION_ANSWER_S = 600.0
"""A migration may have to rewrite a table, or wait for one that does."""
_CHANGE_S = 0.0005
"""How long Postgres may take for each path that a version changes, when there are very
many: the rows of a million files take minutes, and the usual limit is for an outage."""


class PostgresCatalog(Reading):
    """Implements `base.Catalog`; what each method promises is said there."""

    def __init__(
        self,
        database: Database,
        *,
        scope: str = "main",
        quotas: QuotaRules | None = None,
    ) -> None:
        super().__init__(database, scope=scope)
        self.quotas = quotas
        """What users may have; None: as much as they like."""

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
        wish = opening.Wish(session, identity, root, host, owner, self.scope)

        def work(connection: Connection[TupleRow]) -> Opened:
            known = opening.already_open(connection, wish)
            return known or opening.opened(connection, wish, self.quotas)

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
        slow_s = _CHANGE_S * (len(new.delta.set) + len(new.delta.gone))
        if slow_s > self.database.answer_s:
            # Asking again would get no further; who ships it does so later.
            with self.database.apart(answer_s=slow_s) as connection:
                return committed(connection, new, self.quotas)
        return self.database.run(
            lambda connection: committed(connection, new, self.quotas)
        )

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

    def abandon(self, session: SessionId) -> None:
        """Hide a session that was opened, and of which nothing was recorded."""
        self.database.run(lambda connection: opening.abandoned(connection, session))

    def accept(self, version: Version) -> int | None:
        """Make a version head, whatever it was parked for; return the head before."""

        def work(connection: Connection[TupleRow]) -> int | None:
            with connection.transaction():
                quotas = Quotas(connection, self.quotas)
                quotas.admit_back(version.session, version.size_bytes)
                before = Sessions(connection).move_head(version.session, version.seq)
                Versions(connection).accept(version.session, version.seq)
                if before is not None and before != version.seq:
                    Versions(connection).pin(version.session, before)
            return before

        return self.database.run(work)

    def describe(
        self,
        session: SessionId,
        *,
        owner: str | None = None,
        project_name: str | None = None,
    ) -> None:
        """Set what a person says of a session; None leaves a value as it is."""

        def work(connection: Connection[TupleRow]) -> bool:
            with connection.transaction():
                if owner is not None:
                    Quotas(connection, self.quotas).admit_owner(session, owner)
                return Sessions(connection).describe(
                    session, owner=owner, project_name=project_name
                )

        if not self.database.run(work):
            raise _no_session(session)

    def require_room(
        self, session: SessionId, user: str | None, *, size_bytes: int = 0
    ) -> None:
        """Check that a session may become a build of a user, or of its owner."""

        def work(connection: Connection[TupleRow]) -> None:
            with connection.transaction(force_rollback=True):
                quotas = Quotas(connection, self.quotas)
                quotas.admit_size(size_bytes)
                quotas.admit_wish(session, user, size_bytes)

        self.database.run(work)

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

    def release(self, host: Host) -> int:
        """End the lease of this host; return how many sessions others may take over."""
        return self.database.run(lambda connection: Hosts(connection).release(host))

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


def _no_session(session: SessionId) -> NotFound:
    return NotFound(f"no session {session} is kept")
