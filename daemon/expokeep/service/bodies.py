"""What requests say in their bodies, and answers that are one document."""

import re
from typing import Annotated, TypeVar

import msgspec

from expokeep.control.routes import Call, Document
from expokeep.errors import UsageError
from expokeep.model.names import SessionId, parse_session_id

Body = TypeVar("Body", bound=msgspec.Struct)
Seconds = Annotated[float, msgspec.Meta(ge=0, le=100 * 366 * 86_400)]
"""For how long: no clock and no lock knows of more."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON has to spell it; a backslash that is one may stand before `u0000`."""


def body(call: Call, kind: type[Body]) -> Body:
    """Return what a request says; nothing at all says what `kind` has by default.

    Raises:
        UsageError: it is something else, or holds what no text of Postgres may. Once
            it is in a snapshot, that could not be recorded ever after.
    """
    if _NUL.search(call.body):
        raise UsageError("the request holds a NUL byte")
    try:
        return msgspec.json.decode(call.body or b"{}", type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise UsageError(f"the request cannot be understood: {error}") from error


def session(text: str) -> SessionId:
    """Return the whole id of a session.

    Raises:
        UsageError: it can be none.
    """
    try:
        return parse_session_id(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def document(answer: msgspec.Struct) -> Document:
    """Return an answer."""
    return Document(msgspec.json.encode(answer))
