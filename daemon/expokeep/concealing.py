"""Blanks out secrets in what is said: those that we know, and what looks like others.

It knows no settings: whoever reads a secret tells it. Nothing here is a reason to say
one; it is what is left when somebody did.
"""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

MASK = "***"

_KEY = re.compile(
    r"secret|password|passwd|token|credential|authorization|pepper|signature",
    re.IGNORECASE,
)
_NAMES = "password|passwd|secret|token|credential|signature"
_LOOKS = (
    # user:password@host. The last @ counts: a password may have others.
    (r"(\b[a-z][a-z0-9+.-]{0,20}://[^:/@\s]{0,256}):[^\s'\"]{0,512}@", rf"\1:{MASK}@"),
    # A token often comes as the user.
    (r"(\bhttps?://)[^/@\s:'\"]{1,512}@", rf"\1{MASK}@"),
    # password=..., as in an address, and as libpq has it, where it may be quoted.
    (rf"((?:{_NAMES})[\"']?\s{{0,8}}=\s{{0,8}})'(?:[^'\\]|\\.|'')*'", rf"\1{MASK}"),
    (rf"((?:{_NAMES})[\"']?\s{{0,8}}=\s{{0,8}})[^\s&'\"]+", rf"\1{MASK}"),
)
_PATTERNS = tuple(
    (re.compile(look, re.IGNORECASE), instead) for look, instead in _LOOKS
)
"""Every repetition has a bound where it could be begun at each letter of a long text:
what is looked through may come from somebody who wants it to take long."""

_LEAST_CHARACTERS = 8
"""A shorter secret is no secret, and its letters are in other words."""

_WORD = re.compile(r"[A-Za-z0-9+_=-]{8,}(?:/[A-Za-z0-9+_=-]{8,})*")
_LEAST_BY_CHANCE = 16
_LEAST_OF_EACH_KIND = 4
_known: dict[str, re.Pattern[str]] = {}
"""`all` is one expression for every spelling that we were told of."""
_spellings: set[str] = set()


class Shown(str):
    """What stands for something that is no text itself."""

    __slots__ = ()


def conceal(secrets: Iterable[str]) -> None:
    """Blank these out from now on, as well as those that were told before."""
    _spellings.update(
        written
        for secret in secrets
        if len(secret) >= _LEAST_CHARACTERS
        for written in (
            secret,
            quote(secret, safe=""),
            quote(secret),
            repr(secret)[1:-1],
            json.dumps(secret)[1:-1],
        )
    )
    if _spellings:
        longest_first = sorted(_spellings, key=len, reverse=True)
        _known["all"] = re.compile("|".join(map(re.escape, longest_first)))


def concealed(text: str) -> str:
    """Return text without secrets.

    >>> concealed("GET https://host/key?X-Amz-Signature=0ab&X-Amz-Date=1")
    'GET https://host/key?X-Amz-Signature=***&X-Amz-Date=1'
    >>> concealed("host=db password='a b' user=me"), concealed("ssh://git@host/x")
    ('host=db password=*** user=me', 'ssh://git@host/x')
    """
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return without_known(text)


def without_chance(text: str) -> str:
    """Return text without words that look as if chance had made them.

    For what somebody typed where a secret may have got into the wrong place.

    >>> without_chance("'wJalrXUtnFEMI7/K7MDENGbPxRfiCY51' is no name")
    "'***' is no name"
    >>> without_chance("/var/lib/expokeep-2026"), without_chance("a-very-long-name")
    ('/var/lib/expokeep-2026', 'a-very-long-name')
    """

    def judged(word: re.Match[str]) -> str:
        digits = sum(one.isdigit() for one in word[0])
        letters = sum(one.isalpha() for one in word[0])
        is_mixed = min(digits, letters) >= _LEAST_OF_EACH_KIND
        return MASK if is_mixed and len(word[0]) >= _LEAST_BY_CHANCE else word[0]

    return _WORD.sub(judged, text)


def without_known(text: str) -> str:
    """Return text without the secrets that we were told of."""
    known = _known.get("all")
    return text if known is None else known.sub(MASK, text)


def value(key: str, said: Any) -> Any:
    """Return a value of the log without secrets; what is in it is looked at as well.

    Numbers and containers stay what they are, everything else becomes text.
    """
    if _KEY.search(key):
        return MASK
    if isinstance(said, str):
        return concealed(said)
    if isinstance(said, dict):
        return {name: value(str(name), one) for name, one in said.items()}
    if isinstance(said, list | tuple | set | frozenset):
        return [value("", one) for one in said]
    if said is None or isinstance(said, bool | int | float):
        return said
    return Shown(concealed(repr(said)))
