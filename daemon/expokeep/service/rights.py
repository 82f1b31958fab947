"""Who may ask for what. Decided by the peer's uid and groups.

Root, the daemon's own user and the members of one group are operators and may all. One
who asks on behalf of a user has that user's rights instead: to the sessions that the
user owns. Anybody else has rights to the sessions of its own uid. Both name sessions by
their whole id; what is not their own does not exist.
"""

import grp
import os
from collections.abc import Callable
from dataclasses import dataclass

from expokeep.control.peer import Peer
from expokeep.control.routes import Call, Handler, Reply
from expokeep.errors import AccessDenied, NotFound
from expokeep.model.names import SessionId


def group_id(name: str) -> int | None:
    """Return the number of a group, or None if there is no such group here."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose things somebody may see. With neither a user nor a uid: everybody's."""

    user: str | None = None
    """Those that this user owns."""
    uid: int | None = None
    """Those whose directory is of this uid."""

    @property
    def is_operator(self) -> bool:
        """Whether it may all."""
        return self.user is None and self.uid is None


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules of one daemon."""

    group: str
    """Members of it are operators. It need not exist."""
    uid_of: Callable[[SessionId], int | None]
    """Whose the directory of a session is; None if there is no such session."""
    kept_uid_of: Callable[[SessionId], int | None]
    """Whose a session is of which something is kept; None if nothing is."""
    owner_of: Callable[[SessionId], str | None]
    """Which user owns a session; None if nobody does, or there is no such session."""

    def caller(self, peer: Peer) -> Caller:
        """Return whose things a peer may see.

        Raises:
            AccessDenied: it asks on behalf of a user, and is no operator.
        """
        may_all = self._may_all(peer)
        if peer.user is not None:
            if not may_all:
                error = AccessDenied("only operators may ask on behalf of a user")
                error.hint = "Ask without a user: you have the rights of your own uid."
                raise error
            return Caller(user=peer.user)
        return Caller() if may_all else Caller(uid=peer.uid)

    def admitting(self, handler: Handler) -> Handler:
        """Return a handler that turns away who claims to ask for somebody else."""

        def admitted(call: Call) -> Reply:
            self.caller(call.peer)
            return handler(call)

        return admitted

    def is_operator(self, peer: Peer) -> bool:
        """Return whether a peer may all, and asks on nobody's behalf."""
        return self.caller(peer).is_operator

    def require_operator(self, peer: Peer) -> None:
        """Check that a peer may all.

        Raises:
            AccessDenied: it may not.
        """
        if not self.is_operator(peer):
            error = AccessDenied("this is for operators")
            error.hint = f"Become root, or a member of the group {self.group}."
            if peer.user is not None:
                error.hint = "Ask on nobody's behalf."
            raise error

    def user_named(self, peer: Peer, name: str | None) -> str | None:
        """Return which user a request is about: the one it names, if it may.

        An operator may name anybody. Who asks on behalf of a user is about that one.

        Raises:
            AccessDenied: it may not.
        """
        caller = self.caller(peer)
        if name is not None and caller.user not in (None, name):
            raise AccessDenied(f"this is on behalf of {caller.user}, nobody else")
        if name is not None and caller.uid is not None:
            self.require_operator(peer)
        return name if caller.user is None else caller.user

    def require_kept(self, peer: Peer, session: SessionId) -> None:
        """Check that a peer may see what is kept of a session.

        A directory of the peer's own is not enough: the catalog takes a name that it
        does not know for the beginning of another, which may be somebody else's.

        Raises:
            NotFound: nothing is kept, or it is another user's: nobody can tell which.
        """
        caller = self.caller(peer)
        if caller.user is not None:
            is_theirs = self.owner_of(session) == caller.user
        else:
            uid = self.kept_uid_of(session)
            is_theirs = uid is not None and caller.uid in (None, uid)
        if not is_theirs:
            raise NotFound(f"no session {session} is kept")

    def require_owner(self, peer: Peer, session: SessionId) -> None:
        """Check that a peer may let go of a session: an operator, or its owner.

        The uid of a directory is not enough. Whatever runs in a session has it, and
        must not take away what is kept of it.

        Raises:
            AccessDenied: it may let go of nothing.
            NotFound: nothing is kept, or it is another user's: nobody can tell which.
        """
        if self.caller(peer).user is None:
            self.require_operator(peer)
        self.require_kept(peer, session)

    def require_session(self, peer: Peer, session: SessionId) -> None:
        """Check that a peer may act on a session whose directory is here.

        Raises:
            NotFound: there is none, or it is another user's: nobody can tell which.
        """
        caller = self.caller(peer)
        if caller.user is not None:
            is_theirs = self.owner_of(session) == caller.user
        else:
            is_theirs = caller.is_operator or self.uid_of(session) == caller.uid
        if not is_theirs:
            raise NotFound(f"no session {session}")

    def _may_all(self, peer: Peer) -> bool:
        if peer.uid in (0, os.geteuid()):
            return True
        gid = group_id(self.group)
        return gid is not None and (gid == peer.gid or gid in peer.groups)
