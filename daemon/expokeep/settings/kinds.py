"""The kinds of value that a setting can have: how one is read, shown and explained.

A value arrives as text wherever it comes from, so that a flag, a variable and the file
mean the same by the same letters, and YAML's own ideas (`no`, `0666`) do not get a say.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from expokeep.model import ignore
from expokeep.model.names import parse_user
from expokeep.settings import units, urls

T = TypeVar("T")

_MAX_SOCKET_PATH_BYTES = 107  # sockaddr_un has room for 108, NUL included


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of value."""

    allowed: str
    """What may be written: "a whole number from 1 to 64"."""
    parse: Callable[[str], T]
    """Raises ValueError for anything that is not `allowed`."""
    shown: Callable[[Any], str] = str
    """The way back: `parse(shown(value)) == value`. Only secrets are masked instead."""
    suffix: str = ""
    """What the attribute's name ends in, and the key's does not: the unit."""
    alone: bool = False
    """Whether a list of one may be written without the list."""
    is_private: bool = False
    """Whether no message quotes it, though it is no secret altogether."""


def duration(low: str, high: str) -> Kind[float]:
    """Return the durations between two, both included; the value is in seconds."""
    low_s, high_s = units.parse_duration_s(low), units.parse_duration_s(high)
    return Kind(
        f"a duration from {low} to {high}",
        lambda text: _within(units.parse_duration_s(text), low_s, high_s),
        units.shown_duration,
        "_s",
    )


def size(low: str, high: str) -> Kind[int]:
    """Return the sizes between two, both included; the value is in bytes."""
    low_bytes, high_bytes = units.parse_size_bytes(low), units.parse_size_bytes(high)
    return Kind(
        f"a size from {low} to {high}",
        lambda text: int(_within(units.parse_size_bytes(text), low_bytes, high_bytes)),
        units.shown_size,
        "_bytes",
    )


def whole(low: int, high: int) -> Kind[int]:
    """Return the whole numbers between two, both included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,12}", text):
            raise ValueError(text)
        return int(_within(int(text), low, high))

    return Kind(f"a whole number from {low} to {high}", parse)


def choice(*words: str) -> Kind[str]:
    """Return a kind of value that is one of these words."""
    return Kind(f"one of {', '.join(words)}", lambda text: words[words.index(text)])


def text(pattern: str, allowed: str) -> Kind[str]:
    """Return the texts that a regular expression matches from end to end."""
    compiled = re.compile(pattern)

    def parse(given: str) -> str:
        if not compiled.fullmatch(given):
            raise ValueError(given)
        return given

    return Kind(allowed, parse)


def _within(number: float, low: float, high: float) -> float:
    if not low <= number <= high:
        raise ValueError(number)
    return number


def _switch(given: str) -> bool:
    word = given.lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError(given)


def _path(given: str) -> Path:
    if not given.startswith("/") or "\0" in given:
        raise ValueError(given)
    return Path(given)


def _socket_path(given: str) -> Path:
    if len(os.fsencode(path := _path(given))) > _MAX_SOCKET_PATH_BYTES:
        raise ValueError(given)
    return path


def _permissions(given: str) -> int:
    if not re.fullmatch(r"(0o?)?[0-7]{3}", given):
        raise ValueError(given)
    return int(given.removeprefix("0o"), 8)


def _session_id(given: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(given)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(given) from error
    if "sid" not in pattern.groupindex:
        raise ValueError(given)
    return pattern


def _rule(given: str) -> str:
    ignore.rules([given])
    return given


SWITCH = Kind(
    "true or false (or yes, no, on, off, 1, 0)",
    _switch,
    lambda value: "true" if value else "false",
)
PATH = Kind("an absolute path", _path)
SOCKET_PATH = Kind(
    f"an absolute path of at most {_MAX_SOCKET_PATH_BYTES} bytes", _socket_path
)
PERMISSIONS = Kind("permissions in octal such as 0666", _permissions, "0{:o}".format)
SESSION_ID = Kind(
    "a regular expression with a group (?P<sid>...)",
    _session_id,
    lambda pattern: str(pattern.pattern),
)
RULE = Kind("a rule in gitignore syntax", _rule)
URL = Kind(
    "a URL such as https://host or http://host:9000, without a user", urls.http_url
)
DATABASE_URL = Kind(
    "a URL such as postgresql://user:password@host:5432/database",
    urls.database_url,
    urls.masked,
)
GLOB = text(r"[^/\0]+", "a pattern for the name of a directory, without /")
ARGUMENT = Kind(
    "a word or a line, without NUL",
    text(r"[^\0]{1,65536}", "").parse,
    alone=True,
)
FILE_NAME = text(r"(?!\.{1,2}$)[^/\0\n]{1,255}", "the name of a file, without /")
HOST = text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "the name of a host")
USER = Kind("the name of a user: 1 to 200 printable characters", parse_user)
GROUP = text(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", "the name of a group")
SECRET = Kind(
    "one word of printable ASCII", text(r"[!-~]+", "").parse, lambda _: urls.MASK
)
BUCKET = text(
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "the name of a bucket: 3 to 63 of a-z, 0-9, . and -",
)
KEY_PREFIX = text(
    r"([A-Za-z0-9_-][A-Za-z0-9._-]*/){0,16}",
    "a prefix of keys that ends in /, or empty",
)
REGION = text(r"[a-z0-9-]{1,63}", "the name of a region, or auto")
APP_SCHEMA = text(
    r"(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,62}",
    "a name of A-Z, a-z, 0-9 and _ that does not begin with pg_",
)
SCHEMA = text(
    r"(?!pg_)[a-z_][a-z0-9_]{0,62}",
    "a name of a-z, 0-9 and _ that does not begin with pg_",
)
