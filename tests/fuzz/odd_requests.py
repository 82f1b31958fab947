"""Requests that no client of ours makes: every route, every word, odd values.

What a body may say is learned from the daemon's own classes, and the table of routes
from the daemon itself: a route that is added tomorrow is asked tomorrow.
"""

import contextlib
import importlib
import inspect
import json
import pkgutil
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
from hypothesis import strategies as st

import expokeep.service
from daemons import WAIT_S

FAILED = "expokeepd failed at this"
_MOST_BYTES = 1 << 20

WORDS = (
    *("", " ", "\0", "a\0b", "\ud800", "\u202e\x1b[2J", "é" * 300, "x" * 100_000),
    *("%", "%zz", "\\", "\\xff", "\\x4", "../../etc/passwd", "/", "~", "-", "--help"),
    *("'; DROP TABLE version; --", "$1", "{}", "*" * 300, "[" * 300, "**/" * 100 + "x"),
    *("0", "-1", "1e999", "NaN", "9" * 30, "1.5", "²", "true", "null", "2026-13"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-02-30", "2026-W01"),
    *("10000-01-01", "99999999999999999999w", "0s", "15m", "1970-01-01T00:00"),
    *("0001-01", "9999-12", "0000-00", "{session}", "{session}@1", "{session}@-1"),
    *("{session}@99999999999", "{session}@-99999999", "{session}@good@good"),
    *("{session}@9999-12-31", "{session}@0001-01-01", "{session}@999999999w"),
    *("{session}@label:\x7f", "{session}@label:" + "x" * 101, "{session}@pack:0"),
    *("{session}@pack:00000000-0000-0000-0000-000000000000", "@", "@1", "a@b@c"),
    *("s" * 128, "s" * 129, "App.js", "stat", "patch", "day", "user", "session"),
    *("A" * 43, "shr-abcdefghijkl", "https://x/" + "A" * 43, "pin", "1/9", "9/1", "1%"),
    *("2999-01-01T00:00:00+00:00~x", "~", "x~y", "f" * 64, "F" * 64, "0" * 63),
)
NUMBERS = (
    *(0, 1, -1, 7, 2**15, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64),
    *(-(2**31) - 1, -(2**63), -(2**63) - 1, 10**30, 1.5, -0.0, 1e-320, 1e17, 1e308),
)
OTHERS = (None, True, False, [], {}, [[]], [{}], [None], [""], ["\0"], ["x"] * 5000)

QUERIES = (
    *("abbreviated", "after", "all", "builds", "by", "counts", "deleted", "detail"),
    *("digest", "epochs", "follow", "glob", "labels", "limit", "logical", "month"),
    *("new", "old", "path", "prefix", "session", "shared", "since", "size_bytes"),
    *("sort", "user", "until", "type", "action", "state"),
)


@dataclass(frozen=True)
class Request:
    """One request, before the names of a world are filled in."""

    route: str
    names: tuple[str, ...] = ()
    """What stands in the places of the pattern."""
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    user: str | None = None

    def raw(self, world: Mapping[str, str]) -> bytes:
        """Return it as bytes."""
        method, _, pattern = self.route.partition(" ")
        places = iter(self.names)
        path = re.sub(
            r"\{\w+\}", lambda _: _quoted(_filled(next(places, "x"), world)), pattern
        )
        query = "&".join(
            f"{_quoted(name)}={_quoted(_filled(value, world))}"
            for name, value in self.query
        )
        text = json.dumps(self.body)
        for name, value in world.items():
            text = text.replace(f"{{{name}}}", value)
        body = b"" if self.body is None else text.encode()
        said = f"Expokeep-User: {self.user}\r\n" if self.user is not None else ""
        return (
            f"{method} {path}{'?' if query else ''}{query} HTTP/1.1\r\nHost: x\r\n"
            f"Connection: close\r\n{said}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _filled(text: str, world: Mapping[str, str]) -> str:
    for name, value in world.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def told_structs() -> list[type[msgspec.Struct]]:
    """Return every class that may be the body of a request."""
    found: dict[str, type[msgspec.Struct]] = {}
    for module in pkgutil.walk_packages(expokeep.service.__path__, "expokeep.service."):
        loaded = importlib.import_module(module.name)
        for name, kind in inspect.getmembers(loaded, inspect.isclass):
            is_ours = kind.__module__.startswith("expokeep.service.")
            if issubclass(kind, msgspec.Struct) and is_ours:
                found[f"{kind.__module__}.{name}"] = kind
    return list(found.values())


def fields_of(kinds: list[type[msgspec.Struct]]) -> list[dict[str, Any]]:
    """Return of each class its words, with the type that each is to have."""
    return [
        {one.encode_name: one.type for one in msgspec.structs.fields(kind)}
        for kind in kinds
    ]


def plain(kind: Any) -> Any:
    """Return a value of a type, as a client would send it."""
    text = str(kind)
    if "bool" in text and "str" not in text:
        return False
    if "list" in text or "tuple" in text:
        return []
    if "UUID" in text:
        return "01900000-0000-7000-8000-000000000001"
    if "datetime" in text:
        return "2026-01-01T00:00:00Z"
    if "int" in text or "float" in text:
        return 1
    return "{session}"


@dataclass
class Odd:
    """Makes requests for one daemon."""

    routes: list[str]
    bodies: list[dict[str, Any]] = field(
        default_factory=lambda: fields_of(told_structs())
    )

    def requests(self) -> st.SearchStrategy[Request]:
        """Return a strategy for requests."""
        values = st.one_of(
            st.sampled_from(WORDS),
            st.sampled_from(NUMBERS),
            st.sampled_from(OTHERS),
            st.text(max_size=20),
            st.integers(),
        )

        @st.composite
        def bodies(draw: st.DrawFn) -> Any:
            known = draw(st.sampled_from(self.bodies))
            body = {name: plain(kind) for name, kind in known.items()}
            for name in draw(st.lists(st.sampled_from(sorted(body) or ["x"]))):
                body[name] = draw(values)
            for name in draw(st.sets(st.sampled_from(sorted(body) or ["x"]))):
                body.pop(name, None)
            return body

        words = st.sampled_from(WORDS) | st.text(max_size=30)
        return st.builds(
            Request,
            st.sampled_from(self.routes),
            st.lists(words, min_size=2, max_size=2).map(tuple),
            st.lists(st.tuples(st.sampled_from(QUERIES), words), max_size=3).map(tuple),
            st.none() | bodies() | values,
            st.none() | st.sampled_from(["ann", "%00", "%ff", "", "a b", "x" * 300]),
        )

    def sweep(
        self, reads: Callable[[str, str], bool] = lambda _route, _word: True
    ) -> Iterator[Request]:
        """Yield every odd value in every place, one at a time.

        `reads` says whether a route reads a word at all: a body of which it does not
        read each is none of its own.
        """
        values = (*WORDS, *NUMBERS, *OTHERS)
        for route in self.routes:
            for word in WORDS:
                yield Request(route, (word, word))
                if route.startswith("GET"):
                    for name in QUERIES:
                        yield Request(route, ("{session}@1", "x"), ((name, word),))
            if route.startswith("POST"):
                bodies = (*values, *self._odd_bodies(route, values, reads))
                yield from (Request(route, ("{session}", "x"), (), v) for v in bodies)

    def _odd_bodies(
        self, route: str, values: tuple[Any, ...], reads: Callable[[str, str], bool]
    ) -> Iterator[dict[str, Any]]:
        for known in self.bodies:
            if all(reads(route, name) for name in known):
                usual = {name: plain(kind) for name, kind in known.items()}
                yield from ({**usual, n: v} for n in known for v in values)


def sent(path: str, raw: bytes, wait_s: float = WAIT_S) -> bytes:
    """Send bytes, and return what is answered, or as much as a caller would look at."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(wait_s)
        connection.connect(path)
        parts, size_bytes = [], 0
        with contextlib.suppress(ConnectionError, TimeoutError):
            connection.sendall(raw)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while part := connection.recv(1 << 16):
                parts.append(part)
                size_bytes += len(part)
                if size_bytes > _MOST_BYTES:
                    break
        return b"".join(parts)


def status_of(answer: bytes) -> int:
    """Return the status of an answer; 0 of none."""
    found = re.match(rb"HTTP/1.1 ([0-9]{3}) ", answer)
    return int(found[1]) if found else 0
