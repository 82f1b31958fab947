"""Who may ask for what. Decided by the peer's uid and groups, never by what it says.

Root, the daemon's own user and the members of one group are operators and may all. Any
other user may save, list and restore the sessions of its own uid, by their whole name;
what is not its own does not exist.
"""

import grp
import os
from collections.abc import Callable
from dataclasses import dataclass

from expokeep.control.peer import Peer
from expokeep.errors import AccessDenied, NotFound
from expokeep.model.names import SessionId


def group_id(name: str) -> int | None:
    """Return the number of a group, or None if there is no such group here."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules of one daemon."""

    group: str
    """Members of it are operators. It need not exist."""
    uid_of: Callable[[SessionId], int | None]
    """Whose the directory of a session is; None if there is no such session."""
    kept_uid_of: Callable[[SessionId], int | None]
    """Whose a session is of which something is kept; None if nothing is."""

    def is_operator(self, peer: Peer) -> bool:
        """Return whether a peer may all."""
        if peer.uid in (0, os.geteuid()):
            return True
        gid = group_id(self.group)
        return gid is not None and (gid == peer.gid or gid in peer.groups)

    def require_operator(self, peer: Peer) -> None:
        """Check that a peer may all.

        Raises:
            AccessDenied: it may not.
        """
        if not self.is_operator(peer):
            error = AccessDenied("this is for operators")
            error.hint = f"Become root, or a member of the group {self.group}."
            raise error

    def require_kept(self, peer: Peer, session: SessionId) -> None:
        """Check that a peer may see what is kept of a session.

        A directory of the peer's own is not enough: the catalog takes a name that it
        does not know for the beginning of another, which may be somebody else's.

        Raises:
            NotFound: nothing is kept, or it is another user's: nobody can tell which.
        """
        uid = self.kept_uid_of(session)
        if uid is None or not (self.is_operator(peer) or uid == peer.uid):
            raise NotFound(f"no session {session} is kept")

    def require_session(self, peer: Peer, session: SessionId) -> None:
        """Check that a peer may act on a session whose directory is here.

        Raises:
            NotFound: there is none, or it is another user's: nobody can tell which.
        """
        if not self.is_operator(peer) and self.uid_of(session) != peer.uid:
            raise NotFound(f"no session {session}")
