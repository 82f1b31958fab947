"""Decides what is lent, to whom, and who is turned away. Values in, values out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from expokeep.catalog.shares import Door
from expokeep.errors import UsageError
from expokeep.model.names import parse_user
from expokeep.share.token import MAX_PASSWORD_BYTES, Token

MAX_USERS = 1000
MAX_USES = 1_000_000_000
LEAST_S = 60.0

Reason = Literal[
    "revoked",
    "expired",
    "used_up",
    "gone",
    "not_for_them",
    "locked",
    "password_missing",
    "password_wrong",
    "secrets",
]
"""Why somebody with a token was turned away. Only those hear it whose share it is."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms something is lent, as asked; None is whatever is usual."""

    expires_s: float | None = None
    max_uses: int | None = None
    users: tuple[str, ...] | None = None
    password: str | None = None
    follows_head: bool = False
    allows_secrets: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the settings say of terms."""

    usual_s: float
    most_s: float


def checked(terms: Terms) -> Terms:
    """Return terms that make sense.

    Raises:
        UsageError: these do not.
    """
    if terms.max_uses is not None and not 0 < terms.max_uses <= MAX_USES:
        raise UsageError("a share is for one use at least, or say nothing of uses")
    if terms.users is not None:
        _require_users(terms.users)
    if terms.password is not None:
        length = len(terms.password.encode(errors="surrogatepass"))
        if not 0 < length <= MAX_PASSWORD_BYTES:
            raise UsageError(f"a password has 1 to {MAX_PASSWORD_BYTES} bytes")
    return terms


def expiry_s(asked_s: float | None, bounds: Bounds) -> float:
    """Return how long a share holds.

    >>> expiry_s(None, Bounds(30.0 * 86400, 7.0 * 86400)) / 86400
    7.0

    Raises:
        UsageError: longer than anybody may say, or hardly at all.
    """
    if asked_s is None:
        return min(bounds.usual_s, bounds.most_s)
    if not LEAST_S <= asked_s <= bounds.most_s:
        error = UsageError(
            f"a share holds for a minute at least, and {bounds.most_s / 86400:g} days "
            "at most"
        )
        error.hint = "The setting sharing.max-expires says how long it may be."
        raise error
    return asked_s


def link(base: str, token: Token) -> str:
    """Return the address that is handed on.

    >>> link("https://app.example/shared", Token("abc"))
    'https://app.example/shared/abc'
    """
    return f"{base}/{token.text}"


def refusal(door: Door) -> Reason | None:
    """Return why somebody is turned away before any password is asked for."""
    if door.state != "live":
        return door.state
    if not door.is_for_them:
        return "not_for_them"
    return None


def _require_users(users: Sequence[str]) -> None:
    if not 0 < len(users) <= MAX_USERS:
        raise UsageError(f"a share is for 1 to {MAX_USERS} users, or for everybody")
    for user in users:
        try:
            parse_user(user)
        except ValueError as error:
            raise UsageError(str(error)) from error
