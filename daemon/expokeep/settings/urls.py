"""URLs that an operator gives: checked at the door, and shown without their passwords.

A URL of the database may carry options that only Prisma knows; libpq refuses to connect
with them, so they are dropped here.
"""

import re
from urllib.parse import urlsplit

MASK = "***"
"""What is shown in place of a secret."""

_PRISMA_ONLY = frozenset(
    {
        "connection_limit",
        "pgbouncer",
        "pool_timeout",
        "schema",
        "socket_timeout",
        "sslaccept",
        "sslidentity",
        "statement_cache_size",
    }
)
_PRINTABLE = re.compile(r"[!-~]+")
# Greedy up to the last @: a password may hold @ and / that nobody escaped.
_USER = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://[^:/?#]*):.*@")
_PARAMETER = re.compile(r"([?&](?:ssl)?password=)[^&#]*", re.IGNORECASE)
_WORD = re.compile(r"\b((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)


def http_url(text: str) -> str:
    """Return `text` without a slash at its end if it is the URL of an HTTP server.

    >>> http_url("https://account.r2.cloudflarestorage.com/")
    'https://account.r2.cloudflarestorage.com'

    Raises:
        ValueError: it is something else, or it names a user, a query or a fragment.
    """
    parts = urlsplit(text if _PRINTABLE.fullmatch(text) else "")
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    if not usable or "@" in parts.netloc or "?" in text or "#" in text:
        raise ValueError("not the URL of an HTTP server")
    return text.rstrip("/")


def database_url(text: str) -> str:
    """Return `text` as libpq takes it, if it can be the address of a Postgres.

    >>> database_url("postgresql://me@db/app?schema=public&sslmode=require")
    'postgresql://me@db/app?sslmode=require'
    >>> database_url("host=/run/postgresql dbname=app")
    'host=/run/postgresql dbname=app'

    Raises:
        ValueError: it is neither a URL of Postgres nor words like `host=...`.
    """
    if re.match(r"\s*[a-z_]+\s*=", text):
        return text
    parts = urlsplit(text if _PRINTABLE.fullmatch(text) else "")
    # The rest is libpq's to judge (several hosts, sockets as hosts); but a password
    # with a bare / would be taken for a port, and its end for the name of a database.
    if parts.scheme not in ("postgres", "postgresql") or "@" in parts.path:
        raise ValueError("not the URL of a Postgres")
    options = [
        option
        for option in parts.query.split("&")
        if option.partition("=")[0] not in _PRISMA_ONLY
    ]
    return text.partition("?")[0] + ("?" if any(options) else "") + "&".join(options)


def masked(text: str) -> str:
    """Return a URL, or words like `password=...`, with `***` for each password.

    >>> masked("postgresql://me:p@ss@db/app?sslpassword=x")
    'postgresql://me:***@db/app?sslpassword=***'
    >>> masked("host=db password='it is' user=me")
    'host=db password=*** user=me'
    """
    text = _PARAMETER.sub(rf"\1{MASK}", _USER.sub(rf"\1:{MASK}@", text))
    return text if "://" in text else _WORD.sub(rf"\1{MASK}", text)


def passwords(text: str) -> list[str]:
    """Return what `masked` masks, as it is written.

    >>> passwords("postgresql://me:p@ss@db/app?sslpassword=x")
    ['p@ss', 'x']
    >>> passwords("host=db password='it is' user=me")
    ['it is']
    """
    found: list[str] = []
    if user := _USER.match(text):
        found.append(user[0].removeprefix(user[1]).removeprefix(":")[:-1])
    found += [one[0].removeprefix(one[1]) for one in _PARAMETER.finditer(text)]
    if "://" not in text:
        found += [one[2].strip("'") for one in _WORD.finditer(text)]
    return [one for one in found if one]
