"""Which directories somebody may hear of, and what of them."""

from collections.abc import Mapping

from expokeep.catalog.values import SessionRow
from expokeep.history.documents import SessionStatus, State
from expokeep.model.names import SessionId, for_terminal
from expokeep.service.board import Line
from expokeep.service.rights import Caller


def may_see(caller: Caller, line: Line, known: Mapping[SessionId, SessionRow]) -> bool:
    """Return whether a directory is a caller's: by its uid, or as its session's.

    A directory that only bears the name of a user's session is not that user's.
    """
    if caller.is_operator:
        return True
    if caller.uid is not None:
        return line.directory.uid == caller.uid
    row = known.get(line.directory.session)
    return row is not None and row.root_uid == line.directory.uid


def squatting(line: Line) -> SessionStatus:
    """Return what is told of a directory whose name is another user's session."""
    return SessionStatus(
        session=line.directory.session,
        directory=for_terminal(line.directory.path),
        state="idle",
        unsaved_since=line.unsaved_since,
        last_seq=None,
        last_saved_at=None,
        pending=0,
        last_error="there is a session of this name, and it is somebody else's",
    )


def state_of(line: Line, *, is_held: bool, waits: bool) -> State:
    """Return what a directory is at.

    Args:
        line: the directory.
        is_held: whether uploads of its session are paused.
        waits: whether something of its session waits in the spool.
    """
    if is_held:
        return "paused"
    if line.is_taken:
        return "saving"
    if waits:
        return "waiting"
    return "dirty" if line.changed_at is not None else "idle"


def is_wanted(line: Line, wanted: object) -> bool:
    """Return whether a directory is of a session that was asked for, or begins so."""
    if not isinstance(wanted, list | tuple) or not wanted:
        return True
    return any(line.directory.session.startswith(prefix) for prefix in wanted)
