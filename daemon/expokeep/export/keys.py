"""Where in the bucket lies what is made for others. No pack is ever there.

Nothing below `v1/`, `builds/` or `exports/` is public. What is for everybody lies below
`public/`, under a name that nobody guesses, so that one rule of a web server can open
exactly that. The names say all that is needed to find and to delete what they name: an
export outlives no catalog that would have to remember it.
"""

import datetime
import re
import secrets
from dataclasses import dataclass

from expokeep.model.names import SessionId, parse_session_id

COMPAT = "builds/"
"""Archives as the application itself reads them: private, and the only objects that are
ever replaced."""
LENT = "exports/until-"
"""Archives that somebody was given a link to, for a while: private."""
PUBLISHED = "exports/public/"
"""Notes of what lies below `PUBLIC`, by session: private, and without contents."""
PUBLIC = "public/"
"""Archives for everybody: immutable, and without secrets."""

_SECRET_BYTES = 32
_LENT = re.compile(rf"{LENT}(?P<until>[0-9]{{10}})/[A-Za-z0-9_-]{{43}}/[^/]+")
_NOTE = re.compile(
    rf"{PUBLISHED}(?P<session>[^/]+)/(?P<seq>[0-9]{{10}})-(?P<at>[0-9]{{10}})-"
    r"(?P<secret>[A-Za-z0-9_-]{43})\.(?P<format>tar\.gz|tar\.zst|zip)"
)


def new_secret() -> str:
    """Return 256 random bits as they stand in a key: 43 letters that a URL may hold."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def compat_key(session: SessionId) -> str:
    """Return where the archive of a session lies that the application reads.

    >>> compat_key(SessionId("shop-42"))
    'builds/shop-42/build.tar.gz'
    """
    return f"{COMPAT}{parse_session_id(session)}/build.tar.gz"


def session_of_compat_key(key: str) -> SessionId | None:
    """Return whose archive lies there, if it is one of ours by its name.

    >>> session_of_compat_key("builds/shop-42/build.tar.gz")
    'shop-42'
    >>> session_of_compat_key("builds/shop-42/other.tar.gz")
    """
    name = key.removeprefix(COMPAT).removesuffix("/build.tar.gz")
    try:
        session = parse_session_id(name)
    except ValueError:
        return None
    return session if compat_key(session) == key else None


def lent_key(until: datetime.datetime, secret: str, name: str) -> str:
    """Return where an archive lies that may be fetched until then.

    >>> until = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
    >>> lent_key(until, 43 * "x", "shop.zip")[:36]
    'exports/until-1795478400/xxxxxxxxxxx'
    """
    return f"{LENT}{int(until.timestamp()):010}/{secret}/{name}"


def lent_until(key: str) -> datetime.datetime | None:
    """Return until when an archive may be fetched; None if the key is no such one."""
    found = _LENT.fullmatch(key)
    if found is None:
        return None
    return datetime.datetime.fromtimestamp(int(found["until"]), datetime.UTC)


@dataclass(frozen=True, slots=True)
class Published:
    """An archive for everybody, as the name of its note tells it."""

    session: SessionId
    seq: int
    at: datetime.datetime
    secret: str
    format: str

    @property
    def note_key(self) -> str:
        """Where it is noted."""
        at = int(self.at.timestamp())
        below = f"{PUBLISHED}{self.session}/{self.seq:010}-{at:010}"
        return f"{below}-{self.secret}.{self.format}"

    @property
    def key(self) -> str:
        """Where it lies. Says nothing of the session: whoever has the link has this."""
        return f"{PUBLIC}{self.secret}/project.{self.format}"


def notes_of(session: SessionId) -> str:
    """Return the prefix of the notes of a session."""
    return f"{PUBLISHED}{session}/"


def parse_note(key: str) -> Published | None:
    """Return what a note tells: `parse_note(one.note_key) == one`.

    None if it is no note.
    """
    found = _NOTE.fullmatch(key)
    if found is None:
        return None
    try:
        session = parse_session_id(found["session"])
    except ValueError:
        return None
    at = datetime.datetime.fromtimestamp(int(found["at"]), datetime.UTC)
    return Published(session, int(found["seq"]), at, found["secret"], found["format"])
