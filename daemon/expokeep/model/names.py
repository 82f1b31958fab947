"""Names that come from outside, parsed once at the door and trusted ever after.

A name of a file is bytes to the end. Only JSON and terminals see text, and the way
there and back is reversible.
"""

import re
import uuid
from typing import NewType

SessionId = NewType("SessionId", str)
"""The `abc` of `/tmp/expo-abc`: letters, digits, `.`, `_`, `-`; 128 at most."""

MAX_USER_CHARS = 200

MAX_PATH_BYTES = 4096
"""Longer than any path that Linux itself would open in one piece."""

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DIRECTORY = re.compile(
    r"expo-(?P<sid>[A-Za-z0-9][A-Za-z0-9._-]{0,127}?)(?:-restored-[0-9a-f-]{36})?"
)
_ESCAPED = re.compile(rb"\\\\|\\x([0-9a-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def parse_session_id(text: str) -> SessionId:
    """Return `text` as a session id.

    >>> parse_session_id("shop-42")
    'shop-42'

    Raises:
        ValueError: `text` could not be the id of a session.
    """
    if not _SESSION_ID.fullmatch(text):
        raise ValueError(f"not a session id: {text!r}")
    return SessionId(text)


def new_session_id() -> SessionId:
    """Return an id that no session has, and that nobody can guess."""
    return SessionId(str(uuid.uuid4()))


def parse_user(text: str) -> str:
    """Return `text` as the name of a user, or of a team: whoever may own sessions.

    >>> parse_user("ann@example.com"), parse_user("team: Grün")
    ('ann@example.com', 'team: Grün')

    Raises:
        ValueError: `text` could not be one.
    """
    is_short = 1 <= len(text) <= MAX_USER_CHARS
    if not is_short or not text.isprintable() or text != text.strip():
        raise ValueError(f"not the name of a user: {text!r}")
    return text


def session_of_directory(
    name: bytes, pattern: re.Pattern[str] = _DIRECTORY
) -> SessionId | None:
    r"""Return the session that a directory of this name belongs to, if any.

    >>> session_of_directory(b"expo-abc")
    'abc'
    >>> session_of_directory(b"expo-abc-restored-01234567-89ab-cdef-0123-456789abcdef")
    'abc'
    >>> session_of_directory(b"expo-abc\n"), session_of_directory(b"expo-..")
    (None, None)
    """
    try:
        match = pattern.fullmatch(name.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if match is None or not _SESSION_ID.fullmatch(match["sid"]):
        return None
    return SessionId(match["sid"])


def to_text(name: bytes) -> str:
    r"""Return a name as text: what is not UTF-8 is `\xNN`, a backslash is doubled.

    >>> to_text(b"caf\xc3\xa9"), to_text(b"\xff\\")
    ('café', '\\xff\\\\')
    """
    return name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def from_text(text: str) -> bytes:
    r"""Return the name that `to_text` made this of.

    >>> from_text(to_text(b"\xff\\x41"))
    b'\xff\\x41'

    Raises:
        ValueError: `text` is not what `to_text` writes.
    """
    raw = text.encode("utf-8")
    name = _ESCAPED.sub(
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"\\", raw
    )
    if to_text(name) != text:
        raise ValueError(f"not an escaped name: {text!r}")
    return name


def for_terminal(name: bytes) -> str:
    r"""Return a name that cannot move a cursor or turn text around.

    >>> for_terminal(b"a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _CONTROL.sub(
        lambda found: (
            f"\\x{ord(found[0]):02x}"
            if ord(found[0]) < 0x100
            else f"\\u{ord(found[0]):04x}"
        ),
        to_text(name),
    )


def is_safe_path(path: bytes) -> bool:
    """Return whether `path` is relative, normal, and stays below its root.

    >>> is_safe_path(b"src/App.js"), is_safe_path(b"a/../../etc"), is_safe_path(b"/etc")
    (True, False, False)
    """
    if not path or len(path) > MAX_PATH_BYTES or b"\0" in path:
        return False
    return all(
        part not in (b"", b".", b"..") and len(part) <= 255 for part in path.split(b"/")
    )


def plain(path: bytes) -> bytes:
    """Return a path without what says nothing: `./`, `//`, and a slash at either end.

    >>> plain(b"./src//App.js"), plain(b"/src/"), plain(b".")
    (b'src/App.js', b'src', b'')
    """
    return b"/".join(part for part in path.split(b"/") if part not in (b"", b"."))


def parents(path: bytes) -> list[bytes]:
    """Return the directories above `path`, outermost first.

    >>> parents(b"a/b/c")
    [b'a', b'a/b']
    """
    parts = path.split(b"/")
    return [b"/".join(parts[:depth]) for depth in range(1, len(parts))]
