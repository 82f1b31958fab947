"""Where versions came from, told only to whoever may see that as well.

What was shared or forked stays another user's: not even its name is told.
"""

from collections.abc import Callable

import msgspec

from expokeep.control.peer import Peer
from expokeep.errors import ExpokeepError
from expokeep.history.documents import VersionShown
from expokeep.history.logged import LoggedVersion
from expokeep.history.version_log import VersionLog
from expokeep.model.names import SessionId
from expokeep.service.rights import Rights

Sees = Callable[[str], bool]


def told_log(log: VersionLog, rights: Rights, peer: Peer) -> VersionLog:
    """Return a list of versions without the origins that a peer may not see."""
    sees = _seeing(rights, peer)
    return msgspec.structs.replace(
        log, versions=tuple(_told(one, sees) for one in log.versions)
    )


def told_shown(shown: VersionShown, rights: Rights, peer: Peer) -> VersionShown:
    """Return a version without its origin, if a peer may not see that."""
    version = _told(shown.version, _seeing(rights, peer))
    return msgspec.structs.replace(shown, version=version)


def _told(version: LoggedVersion, sees: Sees) -> LoggedVersion:
    if version.origin is None or sees(version.origin.session):
        return version
    return msgspec.structs.replace(version, origin=None)


def _seeing(rights: Rights, peer: Peer) -> Sees:
    """Return what tells, and asks once for each session, whether a peer may see it."""
    known: dict[str, bool] = {}

    def sees(session: str) -> bool:
        if session not in known:
            known[session] = rights.is_operator(peer) or _may(rights, peer, session)
        return known[session]

    return sees


def _may(rights: Rights, peer: Peer, session: str) -> bool:
    try:
        rights.require_kept(peer, SessionId(session))
    except ExpokeepError:
        return False  # it is another user's, or purged, or nobody can tell
    return True
