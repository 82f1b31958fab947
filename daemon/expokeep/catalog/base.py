"""What the rest of the house asks of a catalog.

The values that travel are in `values.py`; SQL and driver are behind `postgres.py`.
"""

import datetime
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from expokeep.catalog.values import (
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
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Entry
from expokeep.model.version import Version, VersionRef


class Reading(Protocol):
    """What is asked of what was kept. As `Catalog`."""

    def resolve(self, ref: VersionRef) -> Version:
        """Return the version that is meant; a session may be named by a unique prefix.

        Raises:
            NotFound: there is none.
            UsageError: the prefix fits several sessions; the message lists some.
        """
        ...

    def kept(self, version: Version) -> Kept:
        """Return a version in full, from one consistent read."""
        ...

    def tree(self, version: Version) -> dict[bytes, Entry]:
        """Return only the tree of a version."""
        ...

    def places(self, digests: Collection[Digest]) -> dict[Digest, Place]:
        """Return where contents are now; what is not kept is left out."""
        ...

    def versions(
        self,
        session: SessionId,
        *,
        since: datetime.datetime | None = None,
        limit: int = 1000,
    ) -> list[Version]:
        """Return the versions of a session, newest first."""
        ...

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
        ...

    def session(
        self, session: SessionId, *, deleted_too: bool = False
    ) -> SessionRow | None:
        """Return one session, or None if nothing was ever kept of it."""
        ...

    def find(self, glob: bytes, sessions: Sequence[SessionId] = ()) -> Iterator[Found]:
        """Yield every path that ever matched, in these sessions or in all."""
        ...


class Catalog(Reading, Protocol):
    """Everything that is asked of Postgres.

    Each method is one short transaction that is retried when it is safe to do so. All
    raise `BackendUnreachable` when there is no answer in time, and `AccessDenied` when
    the database turns us away.
    """

    def open_session(
        self,
        session: SessionId,
        identity: RootIdentity,
        root: RootOwner,
        host: Host,
        *,
        owner: str | None = None,
    ) -> Opened:
        """Make the session and the epoch known, and tell where they stand.

        A session of which there is nothing yet is given to `host`. What another host
        holds stays its own: see `take`.
        """
        ...

    def take(self, session: SessionId, host: Host, *, force: bool = False) -> None:
        """Take a session for a host, who may move its head from now on.

        Nothing happens if it holds the session, or nobody knows it yet. Whoever is
        alive is told by the clock of Postgres.

        Raises:
            Held: another host that is alive holds it, and `force` was not said.
        """
        ...

    def begin(
        self,
        opened: Opened,
        packs: Sequence[PackRecord],
        wanted: Collection[Digest],
    ) -> frozenset[Digest]:
        """Record the intents of packs; return which of `wanted` is kept already.

        What is returned counts as reused by the first pack, and stays. May be called
        again for more of `wanted`, and again after a restart. A pack that was doomed
        comes back if it has another key now; with the same key it stays doomed.

        Raises:
            BaseMoved: the session is not known any more.
        """
        ...

    def trace(self, packs: Sequence[uuid.UUID]) -> Trace:
        """Tell what became of packs that were meant for one version.

        Args:
            packs: the version's own first.
        """
        ...

    def commit(self, new: NewVersion) -> Version:
        """Make a version visible. Its objects are durable; this is the only way in.

        Safe to repeat: a pack that has its version already returns that version. The
        right to it is asked for only if it is to be head.

        Raises:
            Fenced, SeqTaken, BaseMoved, PackGone, ReuseGone: nothing was written.
        """
        ...

    def register_restored(
        self,
        session: SessionId,
        identity: RootIdentity,
        host: Host,
        *,
        seq: int,
        force: bool = False,
    ) -> None:
        """Tell that a directory was made by restoring version `seq` into it.

        The session is taken for `host`, in the same transaction.

        Raises:
            NotFound: there is no such session.
            Held: another host that is alive holds it, and `force` was not said.
        """
        ...

    def abandon(self, session: SessionId) -> None:
        """Hide a session that was opened for a version that can never be.

        Nothing happens where anything was recorded. Its intents are doomed in time.
        """
        ...

    def accept(self, version: Version) -> int | None:
        """Make a version head, whatever it was parked for; return the head before.

        The head that was is pinned: what an accept replaces can be had back.
        """
        ...

    def describe(
        self,
        session: SessionId,
        *,
        owner: str | None = None,
        project_name: str | None = None,
    ) -> None:
        """Set what a person says of a session; None leaves a value as it is."""
        ...

    def require_room(
        self, session: SessionId, user: str | None, *, size_bytes: int = 0
    ) -> None:
        """Check that a session may become a build of a user, or else of its owner.

        Nothing is promised by it: what counts is asked again when it becomes one.
        Nothing is begun either, so that nothing is left behind by a refusal.

        Raises:
            QuotaExceeded: it may not.
        """
        ...

    def touch(self, session: SessionId, *, at: datetime.datetime) -> None:
        """Note that a session was used: retention counts from here."""
        ...

    def heartbeat(self, host: Host, *, lease_s: float) -> bool:
        """Keep the lease of this host alive, by the clock of Postgres.

        Returns whether facts wait to be written into the bucket.
        """
        ...

    def release(self, host: Host) -> int:
        """End the lease of this host at once: others may take over its sessions.

        Returns how many those are.
        """
        ...

    def server_time(self) -> datetime.datetime:
        """Return the clock of Postgres, to compare ours with."""
        ...

    def schema_status(self) -> SchemaStatus:
        """Return which schema is there and which we know."""
        ...

    def migrate(self, *, dry_run: bool = False) -> tuple[str, ...]:
        """Apply what is pending, under a lock; return the names of it."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
