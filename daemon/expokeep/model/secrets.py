r"""What looks like a secret: by the name of a file, or by what is in it.

Pure, and asked by all that lets contents out of the house. It looks for few things
that are keys almost for certain, because who is stopped for nothing learns to say "go
on". It tells where something is and of which kind; never what it is.

>>> look([b'a: 1\nkey: "ghp_', b'0' * 4 + b'aBcDeFgHiJkLmNoPqRsTuVwXyZ123456"'])
(Sighting(line=2, kind='GitHub token'),)
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from expokeep.model import ignore

DEFAULT_PATTERNS: tuple[str, ...] = (
    ".env",
    ".env.*",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "*.pem",
    "*.key",
    "*.p8",
    "*.p12",
    "*.jks",
)
"""Files that hold secrets by their names, in gitignore syntax. Examples are looked into
like any other file."""

MAX_SIGHTINGS = 20
"""In one file; who has so many knows enough."""
HEAD_BYTES = 8192
"""What decides whether contents are text."""

_BLOCK_BYTES = 256 * 1024
_OVERLAP_BYTES = 1024
"""Of a line that is longer than a block: no secret is longer."""
_RANDOM_BITS = 3.6
"""Bits in a letter of what chance wrote; words of people have fewer, or no digits."""
_RANDOM_HEX_BITS = 3.0
_LEAST_DIGITS = 3
_LEAST_BITS = 2.5
"""Below, somebody has typed `xxxx` where a key would be."""
_PLACEHOLDER = re.compile(
    rb"(?i)example|sample|placeholder|change.?me|your|dummy|fake|redacted|insert|"
    rb"replace|x{4}|0{8}|1234567|abcdef0"
)
_PATH = re.compile(rb"^\.{0,2}/|\.[a-z0-9]{1,5}$")
_SPEECH = re.compile(
    rb"^(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]{1,4})"
    rb"(?:[-_./:](?:[A-Z]?[a-z]+|[A-Z]+|[0-9]{1,4}))+$"
)
_ORDINARY_PASSWORDS = re.compile(
    rb"(?i)pass|passwd|password|secret|postgres|root|admin|user|example|test|"
    rb"\*+|x+|\.+|<.*|[$%{#:].*|.*\$\{.*"
)

Names = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that looks like a secret. It does not know the secret."""

    line: int
    """From 1."""
    kind: str


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    literals: tuple[bytes, ...]
    """One of these is in every match, in small letters: found far faster than it."""
    pattern: re.Pattern[bytes]
    is_secret: Callable[[bytes], bool]
    """Judges the last group of a match."""


def names(patterns: Sequence[str]) -> Names:
    """Return what tells whether a file is secret by its name.

    >>> is_secret = names(DEFAULT_PATTERNS)
    >>> is_secret(b".env"), is_secret(b"app/upload.jks"), is_secret(b".env.example")
    (True, True, False)

    Raises:
        ValueError: a pattern is not gitignore syntax.
    """
    rules = ignore.rules(patterns)
    return lambda path: rules.excludes(path, is_directory=False)


def look(chunks: Iterable[bytes | memoryview]) -> tuple[Sighting, ...]:
    """Return what looks like a secret in contents; nothing in what is no text."""
    scanner = Scanner()
    for chunk in chunks:
        if not scanner.feed(chunk):
            break
    return scanner.finish()


class Scanner:
    """Reads contents piece by piece, holding no more than a block of them."""

    def __init__(self) -> None:
        self._held = b""
        self._lines = 0
        self._is_text: bool | None = None
        self._found: dict[Sighting, None] = {}

    def feed(self, chunk: bytes | memoryview) -> bool:
        """Take a piece; return whether more is wanted."""
        self._held += chunk
        if self._is_text is None and len(self._held) >= HEAD_BYTES:
            self._judge()
        if self._is_text is False:
            return False
        while len(self._held) >= _BLOCK_BYTES:
            cut = self._held.rfind(b"\n", 0, _BLOCK_BYTES) + 1
            self._take(cut or _BLOCK_BYTES, cut or _BLOCK_BYTES - _OVERLAP_BYTES)
        return len(self._found) < MAX_SIGHTINGS

    def finish(self) -> tuple[Sighting, ...]:
        """Return what was found, in the order of the lines."""
        if self._is_text is None:
            self._judge()
        if self._is_text:
            self._take(len(self._held), len(self._held))
        found = sorted(self._found, key=lambda one: (one.line, one.kind))
        return tuple(found[:MAX_SIGHTINGS])

    def _judge(self) -> None:
        self._is_text = b"\0" not in self._held[:HEAD_BYTES]
        if not self._is_text:
            self._held = b""

    def _take(self, end: int, keep_from: int) -> None:
        """Look through what is held up to `end`; go on holding it from `keep_from`."""
        block = self._held[:end]
        lowered = block.lower()
        for rule in _RULES:
            if any(literal in lowered for literal in rule.literals):
                self._search(rule, block)
        self._lines += self._held.count(b"\n", 0, keep_from)
        self._held = self._held[keep_from:]

    def _search(self, rule: _Rule, block: bytes) -> None:
        for match in rule.pattern.finditer(block):
            if rule.is_secret(match[match.lastindex or 0]):
                line = self._lines + block.count(b"\n", 0, match.start()) + 1
                self._found[Sighting(line, rule.kind)] = None
                if len(self._found) >= MAX_SIGHTINGS:
                    return


def bits(text: bytes) -> float:
    """Return how many bits there are in a letter of `text`, by Shannon.

    >>> bits(b"aaaa"), bits(b"abab"), round(bits(b"0123456789abcdef"), 1)
    (0.0, 1.0, 4.0)
    """
    counts = Counter(text).values()
    return max(0.0, -sum(n / len(text) * math.log2(n / len(text)) for n in counts))


def _is_key(found: bytes) -> bool:
    """Whether what begins like a key goes on like one."""
    return not _PLACEHOLDER.search(found) and bits(found) >= _LEAST_BITS


def _is_mixed_key(found: bytes) -> bool:
    """The same for keys that begin with little: names in sources do so, too."""
    has = (re.search(kind, found) for kind in (rb"[0-9]", rb"[A-Z]", rb"[a-z]"))
    return all(has) and _is_key(found)


def _is_random(found: bytes) -> bool:
    """Whether chance wrote this, rather than a person."""
    digits = len(re.findall(rb"[0-9]", found))
    if not _LEAST_DIGITS <= digits < len(found):
        return False
    if any(saying.search(found) for saying in (_PLACEHOLDER, _PATH, _SPEECH)):
        return False
    if re.fullmatch(rb"[0-9a-fA-F-]+", found):
        return bits(found) >= _RANDOM_HEX_BITS
    return bits(found) >= _RANDOM_BITS


def _is_password(found: bytes) -> bool:
    return not _ORDINARY_PASSWORDS.fullmatch(found)


def _always(_found: bytes) -> bool:
    return True


def _prefixed(
    kind: str,
    literals: tuple[bytes, ...],
    pattern: bytes,
    judge: Callable[[bytes], bool] = _is_key,
) -> _Rule:
    """Return the rule for keys that are known by how they begin."""
    lowered = tuple(literal.lower() for literal in literals)
    whole = re.compile(rb"(?<![A-Za-z0-9_-])(" + pattern + rb")")
    return _Rule(kind, lowered, whole, judge)


_NAMED = (
    rb"(?:secret|token|passwd|password|api[_-]?key|access[_-]?key|private[_-]?key|"
    rb"auth[_-]?key|credential)[a-z0-9_.-]{0,40}"
    rb"(?<!id)(?<!path)(?<!name)(?<!file)(?<!alias)(?<!type)(?<!ur[il])"
)
_NAMES_OF_SECRETS = (b"secret", b"token", b"passw", b"key", b"credential")
_QUOTED = re.compile(
    rb"(?i)" + _NAMED + rb"[\"']?[ \t]{0,8}(?::|=)[ \t]{0,8}"
    rb"([\"'`])([a-z0-9+/_=.~-]{20,512})\1"
)
_BARE = re.compile(
    rb"(?im)^[ \t]{0,16}(?:export[ \t]{1,4}|-[ \t])?[a-z0-9_.-]{0,40}"
    + _NAMED
    + rb"[ \t]{0,8}[:=][ \t]{0,8}([a-z0-9+/_=-]{20,512})[ \t]{0,8}\r?$"
)
"""Without quotes only where it is all that a line says, as in .properties."""

_RULES = (
    _prefixed("AWS access key", (b"AKIA", b"ASIA"), rb"(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    _prefixed(
        "GitHub token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        rb"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})",
    ),
    _prefixed("GitLab token", (b"glpat-",), rb"glpat-[A-Za-z0-9_-]{20,255}"),
    _prefixed("Anthropic key", (b"sk-ant-",), rb"sk-ant-[A-Za-z0-9_-]{20,255}"),
    _prefixed(
        "OpenAI key",
        (b"sk-",),
        rb"sk-(?!ant-)(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{32,255}",
        _is_mixed_key,
    ),
    _prefixed("Google key", (b"AIza",), rb"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    _prefixed("Google client secret", (b"GOCSPX-",), rb"GOCSPX-[0-9A-Za-z_-]{24,64}"),
    _prefixed(
        "Slack token",
        (b"xoxb-", b"xoxa-", b"xoxp-", b"xoxr-", b"xoxs-", b"xoxe-", b"xapp-"),
        rb"(?:xox[abeprs]|xapp)-[0-9][A-Za-z0-9-]{9,255}",
    ),
    _prefixed(
        "Stripe key",
        (b"sk_live_", b"rk_live_", b"whsec_"),
        rb"(?:[sr]k_live_[0-9a-zA-Z]{16,255}|whsec_[0-9a-zA-Z+/]{24,255})",
    ),
    _prefixed("npm token", (b"npm_",), rb"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _prefixed(
        "npm password",
        (b":_auth", b":_password"),
        rb":_(?:authToken|auth|password)[ \t]?=[ \t]?[^\s$\"']{16,512}",
    ),
    _prefixed("Hugging Face token", (b"hf_",), rb"hf_[A-Za-z0-9]{34}(?![A-Za-z0-9])"),
    _prefixed("SendGrid key", (b"SG.",), rb"SG\.[\w-]{16,32}\.[\w-]{32,64}"),
    _prefixed(
        "JSON Web Token",
        (b"eyJ",),
        rb"eyJ[\w-]{10,4096}\.eyJ[\w-]{10,4096}\.[\w-]{16,1024}",
    ),
    _prefixed(
        "private key",
        (b"-----BEGIN ",),
        rb"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        _always,
    ),
    _Rule(
        "password in a URL",
        (b"://",),
        re.compile(
            rb"(?i)(?<![a-z0-9])[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'`<>]{1,64}:"
            rb"([^\s:/@\"'`<>]{3,128})@"
        ),
        _is_password,
    ),
    _Rule("random value of a secret name", _NAMES_OF_SECRETS, _QUOTED, _is_random),
    _Rule("random value of a secret name", _NAMES_OF_SECRETS, _BARE, _is_random),
)
"""What is known of the keys that people have; the last ones are found by chance."""
