"""Quotas: held in the transaction in which a session becomes a build of a user.

There are few such moments: its first head, a new owner, an undeletion, an accept. All
ask here, under the lock of the session, and two of one user come one after the other.
"""

from dataclasses import asdict, dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row

from expokeep.catalog import queries
from expokeep.catalog.connection import Database
from expokeep.errors import QuotaExceeded
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.model.quota import OVER, Quota, QuotaRules, Usage
from expokeep.model.size import shown

log = get(__name__)

_SQL = queries.beside(__file__)

Evicted = tuple[SessionId, ...]


@dataclass(frozen=True, slots=True)
class Build:
    """A session, as far as a quota goes."""

    owner: str | None
    has_head: bool
    is_deleted: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Gain:
    """What a session is to add to what a user has."""

    builds: int
    """One, or none if it is a build of the user already."""
    size_bytes: int
    """Of its head, once that has changed."""
    former_bytes: int = 0
    """Of its head as it is, if it is the user's."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """What is asked in the caller's transaction, who holds the lock of the session."""

    connection: Connection[TupleRow]
    rules: QuotaRules | None
    """None: nobody has a quota here."""

    def admit(self, session: SessionId, user: str, gain: Gain) -> Evicted:
        """See to it that a user may have this; return what had to go for it.

        Raises:
            QuotaExceeded: the user may not.
        """
        if self.rules is None:
            return ()
        has = self.standing(session, user)
        is_more = gain.size_bytes > gain.former_bytes
        total = has.size_bytes + gain.size_bytes
        if is_more and has.max_bytes is not None and total > has.max_bytes:
            raise QuotaExceeded(
                f"{user} may have {shown(has.max_bytes)}, and would have {shown(total)}"
            )
        most = self.rules.max_builds if has.max_builds is None else has.max_builds
        surplus = has.builds + gain.builds - most
        if not gain.builds or surplus <= 0:
            return ()
        evicted = self.evict(session, user, surplus) if self.rules.evicts else ()
        if len(evicted) < surplus:
            raise QuotaExceeded(f"{user} has {has.builds} builds of {most}")
        log.info("builds evicted", user=user, sessions=evicted, instead_of=session)
        return evicted

    def admit_owner(self, session: SessionId, user: str) -> Evicted:
        """See to it that a session may become a user's; it is locked from now on.

        Raises:
            QuotaExceeded: it may not.
        """
        build = self.build(session)
        if build is None or not build.has_head or build.is_deleted:
            return ()
        if build.owner == user:
            return ()
        return self.admit(session, user, Gain(1, build.size_bytes))

    def admit_size(self, size_bytes: int) -> None:
        """See to it that a build that a person begins is not too big.

        Raises:
            QuotaExceeded: it is.
        """
        most = self.rules.max_build_bytes if self.rules else None
        if most is not None and size_bytes > most:
            size = shown(size_bytes)
            raise QuotaExceeded(f"a build may have {shown(most)}, not {size}")

    def admit_wish(
        self, session: SessionId, user: str | None, size_bytes: int = 0
    ) -> Evicted:
        """See to it that a session could be a build of a user, or else of its owner.

        Raises:
            QuotaExceeded: it could not.
        """
        build = self.build(session)
        owner = user or (build.owner if build else None)
        is_build = build is not None and build.has_head and not build.is_deleted
        if owner is None or (build is not None and is_build and build.owner == owner):
            return ()
        becomes_bytes = size_bytes or (build.size_bytes if build else 0)
        return self.admit(session, owner, Gain(1, becomes_bytes))

    def admit_back(self, session: SessionId, size_bytes: int | None = None) -> Evicted:
        """See to it that a session may be a build again, or for the first time.

        Args:
            session: it is locked from now on.
            size_bytes: of what is to be its head; None: of the one that it has.

        Raises:
            QuotaExceeded: it may not.
        """
        build = self.build(session)
        if build is None or build.owner is None:
            return ()
        is_build = build.has_head and not build.is_deleted
        will_be = build.has_head or size_bytes is not None
        return self.admit(
            session,
            build.owner,
            Gain(
                builds=int(will_be and not is_build),
                size_bytes=build.size_bytes if size_bytes is None else size_bytes,
                former_bytes=build.size_bytes if is_build else 0,
            ),
        )

    def standing(self, session: SessionId, user: str) -> Usage:
        """Return what a user has beside a session, and keep others from adding."""
        self.lock_user(user)
        values = {"session": session, "user": user}
        with self.connection.cursor(row_factory=class_row(Usage)) as cursor:
            (found,) = cursor.execute(_SQL["standing"], values).fetchall()
            return found

    def lock_user(self, user: str) -> None:
        """Keep others from adding to what a user has until the transaction ends."""
        self.connection.execute(_SQL["lock_user"], {"user": user})

    def evict(self, session: SessionId, user: str, count: int) -> Evicted:
        """Delete the builds that were used longest ago, but for a session's."""
        values = {"session": session, "user": user, "count": count}
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return tuple(cursor.execute(_SQL["evict"], values).fetchall())

    def build(self, session: SessionId) -> Build | None:
        """Return a session, if there is one, and lock it."""
        with self.connection.cursor(row_factory=class_row(Build)) as cursor:
            return cursor.execute(_SQL["build"], {"session": session}).fetchone()


@dataclass(frozen=True, slots=True)
class PostgresQuotas:
    """What was said of users, and what they have."""

    database: Database

    def usage(self, user: str | None, *, after: str, limit: int) -> list[Usage]:
        """Return what users have, by name: one of them, or those that sort later."""
        values = {"user": user, "after": after, "limit": limit, "over": OVER}
        query = _SQL["usage"]

        def work(connection: Connection[TupleRow]) -> list[Usage]:
            with connection.cursor(row_factory=class_row(Usage)) as cursor:
                return cursor.execute(query, values).fetchall()

        return self.database.run(work)

    def said(self, user: str) -> Quota:
        """Return what was said of a user: nothing, if it was not."""
        query = _SQL["said"]

        def work(connection: Connection[TupleRow]) -> Quota | None:
            with connection.cursor(row_factory=class_row(Quota)) as cursor:
                return cursor.execute(query, {"user": user}).fetchone()

        return self.database.run(work) or Quota(user, None, None)

    def say(self, quota: Quota) -> None:
        """Say how much a user may have, from now on. What is there already stays."""
        query, values = _SQL["say"], asdict(quota)
        self.database.run(lambda connection: connection.execute(query, values))
