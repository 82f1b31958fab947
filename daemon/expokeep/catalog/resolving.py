"""Which version a person means: a session by a prefix, a version by a selector."""

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog.caring import WasDeleted
from expokeep.catalog.rebuilding import Rebuilding
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.versions import Versions
from expokeep.errors import Busy, NotFound, UsageError
from expokeep.model.names import SessionId
from expokeep.model.version import Selector, Version, VersionRef

_SHOWN = 5
"""So many sessions are named when a prefix fits several."""


def resolved(connection: Connection[TupleRow], ref: VersionRef) -> Version:
    """Return the version that is meant.

    Raises:
        NotFound: there is none.
        UsageError: the prefix of a session fits several.
        Busy: the catalog is being rebuilt, and nobody can tell yet.
    """
    try:
        return _found(connection, ref)
    except NotFound as error:
        # Whoever asks takes "there is none" for leave to begin anew.
        if Rebuilding(connection).under_way():
            raise Busy("the catalog is being rebuilt from the bucket") from error
        raise


def _found(connection: Connection[TupleRow], ref: VersionRef) -> Version:
    session = _session(connection, ref)
    version = _selected(Versions(connection), session, ref.selector)
    if version is None:
        error = NotFound(f"session {session} has no version {_shown(ref.selector)}")
        error.hint = f"`expokeep log {session}` lists its versions."
        raise error
    return version


def _session(connection: Connection[TupleRow], ref: VersionRef) -> SessionId:
    prefix, sessions = ref.session, Sessions(connection)
    matches = sessions.matching(prefix, limit=_SHOWN + 1, deleted_too=not ref.is_asked)
    if prefix not in matches and prefix in sessions.matching(
        prefix, limit=1, deleted_too=True
    ):
        # It must not stand for another one that only begins like it.
        raise WasDeleted(prefix)
    if not matches:
        raise NotFound(f"no session {prefix} is kept")
    if len(matches) > 1 and matches[0] != prefix:
        more = ", ..." if len(matches) > _SHOWN else ""
        names = ", ".join(matches[:_SHOWN])
        raise UsageError(f"{prefix} fits several sessions: {names}{more}")
    return matches[0]


def _selected(
    versions: Versions, session: SessionId, selector: Selector
) -> Version | None:
    if selector.seq is not None:
        return versions.numbered(session, selector.seq)
    if selector.at is not None or selector.age is not None:
        return versions.taken_by(session, selector.at, selector.age)
    if selector.back:
        return versions.before_head(session, selector.back)
    return _named(versions, session, selector)


def _named(
    versions: Versions, session: SessionId, selector: Selector
) -> Version | None:
    if selector.label is not None:
        return versions.labelled(session, selector.label)
    if selector.pack is not None:
        return versions.packed(session, selector.pack)
    return versions.good(session) if selector.is_good else versions.head(session)


def _shown(selector: Selector) -> str:
    if selector.seq is not None:
        return str(selector.seq)
    if selector.at is not None:
        return f"from {selector.at.isoformat()} or before"
    if selector.age is not None:
        return f"that is {selector.age} old"
    if selector.back:
        return f"-{selector.back}: its history is not that long"
    return _shown_name(selector)


def _shown_name(selector: Selector) -> str:
    if selector.label is not None:
        return f"labelled {selector.label!r}"
    if selector.pack is not None:
        return f"of pack {selector.pack}"
    if selector.is_good:
        return "that is not parked"
    return "at its head: what was kept of it is parked, or nothing was"
