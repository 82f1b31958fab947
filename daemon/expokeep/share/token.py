"""Tokens: 256 random bits that are shown once, and what is kept instead of them.

A token opens what it stands for, so nothing here prints one by accident, and nothing
but its keyed hash goes any further. Whoever reads the database cannot use what is
there; whoever has the key alone cannot either.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"shr-[a-z2-7]{12}")
_NAME_BYTES = 8
_HASHED = b"expokeep share token\0"
_SHOWN = b"expokeep pepper\0"
_SHOWN_BYTES = 8

_N, _R, _P = 1 << 14, 8, 1
"""Of scrypt: 16 MiB and some 50 ms for each guess."""
_SALT_BYTES = 16
MAX_PASSWORD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Token:
    """Opens what it stands for. It never shows itself: ask for `text`."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class Pepper:
    """The key of the hashes: the same on all hosts that know the same tokens."""

    key: bytes = field(repr=False)

    def hashed(self, token: Token) -> bytes:
        """Return what is kept of a token."""
        return self._mac(_HASHED + token.text.encode())

    @property
    def shown(self) -> bytes:
        """What tells one key from another, and nothing else of it."""
        return self._mac(_SHOWN)[:_SHOWN_BYTES]

    def _mac(self, message: bytes) -> bytes:
        return hmac.new(self.key, message, hashlib.sha256).digest()


def new_token() -> Token:
    """Return a token that nobody had, and nobody can guess."""
    # None that a command line would take for an option.
    while (text := secrets.token_urlsafe(TOKEN_BYTES)).startswith("-"):
        pass
    return Token(text)


def new_name() -> str:
    """Return what a share is called by those who may know of it. It opens nothing."""
    letters = base64.b32encode(secrets.token_bytes(_NAME_BYTES)).decode().lower()
    return f"shr-{letters[:12]}"


def new_pepper() -> str:
    """Return a key for hashes, as it is written into a file."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def parse_token(text: str) -> Token | None:
    """Return the token that `text` is, or that a link ends in.

    >>> parse_token(" https://app.example/shared/" + "a" * 43 + "?ref=mail ").text[:4]
    'aaaa'
    >>> parse_token("shr-abcdefghijkl"), parse_token("https://app.example/" + "a" * 44)
    (None, None)
    """
    word = text.strip()
    if "/" in word:
        word = re.split(r"[?#]", word)[0].rstrip("/").rpartition("/")[2]
    return Token(word) if _TOKEN.fullmatch(word) else None


def parse_name(text: str) -> str | None:
    """Return `text` if it can be the name of a share.

    >>> parse_name("shr-abcdefghijkl"), parse_name("shop-42")
    ('shr-abcdefghijkl', None)
    """
    return text if _NAME.fullmatch(text) else None


def hashed_password(password: str) -> str:
    """Return what is kept of a password: with a salt, and costly to guess."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_scrypt(password, salt).hex()}"


def is_password(password: str, kept: str) -> bool:
    """Return whether this is the password of which that was kept."""
    _, cost, block, lanes, salt, digest = kept.split("$")
    found = _scrypt(
        password,
        bytes.fromhex(salt),
        cost=int(cost),
        block=int(block),
        lanes=int(lanes),
    )
    return hmac.compare_digest(found, bytes.fromhex(digest))


def _scrypt(
    password: str, salt: bytes, *, cost: int = _N, block: int = _R, lanes: int = _P
) -> bytes:
    return hashlib.scrypt(
        password.encode(errors="surrogatepass"),
        salt=salt,
        n=cost,
        r=block,
        p=lanes,
        maxmem=256 * cost * block * lanes,
        dklen=32,
    )
