"""Opening a session: who may write to it from here, and in which of its lives."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog.epochs import Epochs
from expokeep.catalog.hosts import Hosts
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import Host, Opened, RootIdentity, RootOwner
from expokeep.errors import Busy, NotFound
from expokeep.model.names import SessionId

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


def already_open(connection: Connection[TupleRow], wish: Wish) -> Opened | None:
    """Return where a session stands that is ours, with nothing to write down."""
    found = Epochs(connection).opened(wish.session, wish.identity, wish.host)
    if found is None or found.holder != wish.host.id:
        return None
    if wish.owner is not None and found.opened.owner is None:
        return None
    return found.opened


def opened(connection: Connection[TupleRow], wish: Wish) -> Opened:
    """Make a session and its epoch known, and take the session for the host.

    Raises:
        Busy: another host holds it, and its lease has not run out.
    """
    sessions, epochs = Sessions(connection), Epochs(connection)
    with connection.transaction():
        # Always in this order: host, session, epoch. Two that open never cross.
        Hosts(connection).appear(wish.host, lease_s=FIRST_LEASE_S)
        sessions.add_scope(wish.scope)
        sessions.add(wish.session, wish.root, scope=wish.scope, owner=wish.owner)
        sessions.lock(wish.session)
        if not sessions.claim(wish.session, wish.host, owner=wish.owner):
            raise _busy(wish.session, sessions)
        epochs.begin(wish.session, wish.identity, wish.host)
        found = epochs.opened(wish.session, wish.identity, wish.host)
    assert found is not None  # noqa: S101 - it was made above, under a lock
    return found.opened


def restored(
    connection: Connection[TupleRow],
    session: SessionId,
    identity: RootIdentity,
    host: Host,
    seq: int,
) -> None:
    """Let the epoch of a directory go out from version `seq`.

    Nothing happens when another host that is alive holds the session: restoring beside
    it takes nothing from it.

    Raises:
        NotFound: there is no such session.
    """
    sessions, epochs = Sessions(connection), Epochs(connection)
    with connection.transaction():
        Hosts(connection).appear(host, lease_s=FIRST_LEASE_S)
        if not sessions.matching(session, limit=1):
            raise NotFound(f"no session {session} is kept")
        sessions.lock(session)
        holder = sessions.holder(session)
        if holder is not None and holder.id != host.id and holder.alive:
            return
        epochs.begin(session, identity, host)
        epochs.found_on(session, identity, host, seq=seq)


def _busy(session: SessionId, sessions: Sessions) -> Busy:
    holder = sessions.holder(session)
    name = holder.name if holder else "another host"
    return Busy(f"session {session} is held by {name}")
