"""Settings of lending builds to others."""

import re
from dataclasses import dataclass

from expokeep.settings.declare import secret, setting
from expokeep.settings.kinds import SWITCH, Kind, choice, duration, text
from expokeep.settings.urls import MASK, http_url

_SLASHES = re.compile(r"(?<!:)//+")


def _base(given: str) -> str:
    """Return the beginning of links; a slash more or less is all the same."""
    scheme, separator, rest = http_url(given).partition("://")
    return scheme + separator + _SLASHES.sub("/", rest)


BASE = Kind("a URL such as https://host/shared, without a user", _base)
PEPPER = Kind(
    "16 or more characters of printable ASCII, without a space",
    text(r"[!-~]{16,4096}", "").parse,
    lambda _: MASK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Lending builds to others, by links.

    A link holds a token that is shown once; only a keyed hash of it is stored. Whoever
    has the token, and may, begins a session of their own with what is shared.
    """

    enabled: bool = setting(
        SWITCH,
        "true",
        "Whether builds may be lent at all.",
        env="ENABLE_BUILD_SHARING",
    )
    url_base: str = setting(
        BASE,
        "${NEXTAUTH_URL:-http://localhost:3000}/shared/",
        "What links begin with; the token follows.",
    )
    default_expires_s: float = setting(
        duration("1m", "3650d"), "30d", "How long a share holds if nobody says so."
    )
    max_expires_s: float = setting(
        duration("1m", "3650d"),
        "365d",
        "The longest that anybody may say. A shared version is kept so long.",
    )
    secret_scan: str = setting(
        choice("block", "warn", "off"),
        "block",
        "What becomes of a share in which something looks like a key or a password: "
        "block refuses it unless --allow-secrets is said.",
    )
    pepper: str | None = secret(
        PEPPER,
        "The key of the hashes of tokens: the same on all hosts of one database. "
        "Without one, each host makes one of its own, in its state directory, and "
        "knows no other's tokens.",
        env="EXPOKEEP_SHARING_PEPPER",
        credential="pepper",
    )
