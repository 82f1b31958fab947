"""Errors on their way through the socket: what was raised there is raised here again.

Both ends use it. Nothing but a sentence, a hint and an exit code travels.
"""

import json
from typing import Any

from expokeep.concealing import concealed
from expokeep.errors import Busy, ExpokeepError, UsageError, by_exit_code

_STATUS = {
    2: 400,
    4: 409,
    10: 404,
    11: 409,
    12: 403,
    13: 409,
    14: 410,
    15: 422,
    17: 503,
    18: 507,
    124: 504,
}


class BodyTooLarge(UsageError):
    """A request carries more than it may."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body of this request may have {limit_bytes} bytes")


class Crowded(Busy):
    """All seats are taken. Nothing of the request was begun: whoever waits may ask."""


def status_of(error: ExpokeepError) -> int:
    """Return the HTTP status that goes with an error.

    >>> from expokeep.errors import NotFound
    >>> status_of(NotFound("no such session"))
    404
    """
    if isinstance(error, BodyTooLarge):
        return 413
    return _STATUS.get(error.exit_code, 500)


def document_of(error: ExpokeepError) -> bytes:
    """Return an error as one line of JSON, without the line's end."""
    told = {
        "message_type": "error",
        "error": concealed(str(error)),
        "hint": error.hint,
        "exit_code": error.exit_code,
    }
    if isinstance(error, Crowded):
        told["crowded"] = True
    return json.dumps(told).encode()


def error_of(document: Any) -> ExpokeepError | None:
    """Return the error that a decoded document tells of, if it does.

    >>> error_of({"message_type": "error", "error": "no such session", "exit_code": 10})
    NotFound('no such session')
    """
    if not isinstance(document, dict) or document.get("message_type") != "error":
        return None
    kind = by_exit_code(document.get("exit_code", 1))
    if kind is Busy and document.get("crowded") is True:
        kind = Crowded
    error = kind(str(document.get("error")))
    # What the other side knows to do about it is better than what our class says.
    error.hint = str(document.get("hint") or "")
    return error
