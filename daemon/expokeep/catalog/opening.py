"""Opening a session, in which of its lives, and taking it for a host."""

import contextlib
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog.epochs import Epochs
from expokeep.catalog.hosts import Hosts
from expokeep.catalog.quotas import Quotas
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import Held, Host, Opened, RootIdentity, RootOwner
from expokeep.errors import NotFound, QuotaExceeded
from expokeep.model.names import SessionId
from expokeep.model.quota import QuotaRules

FIRST_LEASE_S = 30.0
"""Of a host that opens a session before its first heartbeat."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A directory on a host that is to be opened as a session."""

    session: SessionId
    identity: RootIdentity
    root: RootOwner
    host: Host
    owner: str | None
    scope: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A directory on a host that was made of version `seq` of a session."""

    session: SessionId
    identity: RootIdentity
    host: Host
    seq: int


def already_open(connection: Connection[TupleRow], wish: Wish) -> Opened | None:
    """Return where a session stands, if there is nothing to write down for it."""
    found = Epochs(connection).opened(wish.session, wish.identity, wish.host)
    if found is None or (found.holder is None and found.last_seq == 0):
        return None
    if wish.owner is not None and found.owner is None:
        return None
    return found


def opened(
    connection: Connection[TupleRow], wish: Wish, rules: QuotaRules | None = None
) -> Opened:
    """Make a session and its epoch known; the first who comes holds the session.

    What was nobody's becomes its owner's, if that user has room for it.
    """
    sessions, epochs = Sessions(connection), Epochs(connection)
    with connection.transaction():
        # Always in this order: host, session, epoch. Two that open never cross.
        Hosts(connection).appear(wish.host, lease_s=FIRST_LEASE_S)
        sessions.add_scope(wish.scope)
        sessions.add(wish.session, wish.root, scope=wish.scope, owner=wish.owner)
        sessions.lock(wish.session)
        sessions.claim(wish.session, wish.host)
        if wish.owner is not None:
            with contextlib.suppress(QuotaExceeded):
                Quotas(connection, rules).admit_owner(wish.session, wish.owner)
                sessions.own(wish.session, wish.owner)
        epochs.begin(wish.session, wish.identity, wish.host)
        found = epochs.opened(wish.session, wish.identity, wish.host)
    assert found is not None  # noqa: S101 - it was made above, under a lock
    return found


def abandoned(connection: Connection[TupleRow], session: SessionId) -> None:
    """Hide a session that was opened, and of which nothing was recorded."""
    with connection.transaction():
        sessions = Sessions(connection)
        sessions.lock(session)
        if sessions.abandon(session):
            Epochs(connection).forsake(session)


def take(
    connection: Connection[TupleRow], session: SessionId, host: Host, *, force: bool
) -> None:
    """Take a session for a host, if it is known.

    Raises:
        Held: another host that is alive has it, and `force` was not said.
    """
    sessions = Sessions(connection)
    with connection.transaction():
        Hosts(connection).appear(host, lease_s=FIRST_LEASE_S)
        sessions.lock(session)
        _take(sessions, session, host, force=force)


def restored(
    connection: Connection[TupleRow], arrived: Arrived, *, force: bool
) -> None:
    """Let the epoch of a directory go out from its version; take the session for it.

    Raises:
        NotFound: there is no such session.
        Held: another host that is alive has it, and `force` was not said.
    """
    session, identity, host = arrived.session, arrived.identity, arrived.host
    sessions, epochs = Sessions(connection), Epochs(connection)
    with connection.transaction():
        Hosts(connection).appear(host, lease_s=FIRST_LEASE_S)
        if session not in sessions.matching(session, limit=1):
            raise NotFound(f"no session {session} is kept")
        sessions.lock(session)
        _take(sessions, session, host, force=force)
        epochs.begin(session, identity, host)
        epochs.found_on(session, identity, host, seq=arrived.seq)


def _take(sessions: Sessions, session: SessionId, host: Host, *, force: bool) -> None:
    """Take a session, under its lock: who is alive is decided once."""
    holder = sessions.holder(session)
    if holder is not None and holder.id != host.id and holder.alive and not force:
        raise Held(session, holder.name)
    sessions.take(session, host)
