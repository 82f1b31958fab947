"""What stands behind the `?` of a request."""

from expokeep.control.routes import Call
from expokeep.errors import UsageError
from expokeep.model.names import from_text

MAX_LIMIT = 100_000
_MOST_DIGITS = 18
"""What is longer may be no number of Postgres."""


def one(call: Call, name: str) -> str | None:
    """Return a value; of several the last.

    Raises:
        UsageError: it holds what is in no name, and in no text of Postgres.
    """
    values = call.query.get(name, ())
    if values and "\0" in values[-1]:
        raise UsageError(f"{name} holds a NUL byte")
    return values[-1] if values else None


def limit(call: Call) -> int:
    """Return how much is wanted at most.

    Raises:
        UsageError: it is no number, or beyond all bounds.
    """
    text = one(call, "limit") or "1000"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_LIMIT:
        raise UsageError(f"limit is a number from 1 to {MAX_LIMIT}, not {text!r}")
    return int(text)


def number(call: Call, name: str) -> int:
    """Return a number; 0 if it is not said.

    Raises:
        UsageError: it is none, or beyond all bounds.
    """
    text = one(call, name) or "0"
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        raise UsageError(f"{name} is a number from 0 up, not {text!r}")
    return int(text)


def switch(call: Call, name: str) -> bool:
    """Return whether something is wanted: `name=true`, or nothing.

    Raises:
        UsageError: it is another word.
    """
    word = one(call, name)
    if word not in (None, "true", "false"):
        raise UsageError(f"{name} is true or false, not {word!r}")
    return word == "true"


def path(call: Call) -> bytes:
    """Return the path that is asked for; empty for all."""
    return name_of(one(call, "path") or "")


def name_of(text: str) -> bytes:
    """Return the bytes of a name.

    Raises:
        UsageError: it is not written as names are.
    """
    try:
        return from_text(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
