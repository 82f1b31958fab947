"""Sessions and versions as requests name them, and whether the caller may see them."""

from expokeep.control.routes import Call
from expokeep.errors import NotFound, UsageError
from expokeep.model.names import SessionId, parse_session_id
from expokeep.restore.source import Offer, Source
from expokeep.service.rights import Rights


def exact_session(rights: Rights, call: Call, session: str) -> SessionId | None:
    """Return the session that is meant, unless its name may have been shortened.

    An operator who says so may shorten. Nobody else: when a program hands on what a
    browser sent, the beginning of an id must not open the session of another.

    Raises:
        UsageError: it is no id.
    """
    if "abbreviated" in call.query and rights.is_operator(call.peer):
        return None
    try:
        return parse_session_id(session)
    except ValueError as error:
        raise UsageError(str(error)) from error


def require_visible(rights: Rights, call: Call, session: str) -> None:
    """Check that the caller may see a session.

    Raises:
        NotFound: it does not exist, or it is another user's.
        UsageError: it is no id.
    """
    if (exact := exact_session(rights, call, session)) is not None:
        rights.require_kept(call.peer, exact)


def visible_ref(rights: Rights, call: Call) -> str:
    """Return the version of a request's path, of a session that the caller may see.

    Raises:
        NotFound: it does not exist, or it is another user's.
        UsageError: it names no version.
    """
    ref = call.path["ref"]
    require_visible(rights, call, ref.partition("@")[0])
    return ref


def visible_offer(rights: Rights, call: Call, source: Source) -> Offer:
    """Return what a source offers of the version of a request's path.

    What waits on this host may be meant by the beginning of its name, also where the
    catalog is away and cannot say that this is somebody's whole name.

    Raises:
        NotFound: it does not exist, or it is of another session than the one named.
    """
    ref = visible_ref(rights, call)
    offer = source.offer(ref)
    exact = exact_session(rights, call, ref.partition("@")[0])
    if exact not in (None, offer.version.session):
        raise NotFound(f"no session {exact} is kept")
    return offer
