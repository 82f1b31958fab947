"""The table of what can be asked: a neutral shape that the service fills in.

A handler is an ordinary blocking function. It runs in a thread of its own, and so does
each step of the iterator that it may return.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from expokeep.control.peer import Peer

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One request, complete."""

    peer: Peer
    path: Mapping[str, str]
    """What the `{names}` of the pattern stand for, decoded."""
    query: Mapping[str, Sequence[str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that is one JSON document."""

    json: bytes


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer that comes bit by bit: JSON objects, without their line ends.

    An `ExpokeepError` that the iterator raises becomes the last line.
    """

    objects: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Bytes:
    """An answer of any length; an error cuts the connection.

    Chunks of about 1 MiB travel best: each costs a thread switch, however small.
    """

    chunks: Iterator[bytes | memoryview]


Reply = Document | Lines | Bytes
"""Iterators are closed in a thread, too, as soon as the client is gone: a generator
releases what it holds in its `finally`."""

Handler = Callable[[Call], Reply]
"""Answers, or raises an `ExpokeepError` that becomes the answer. Before the first item
of an iterator came, an error still gets its own HTTP status."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers what."""

    method: str
    pattern: str
    """Such as `/v1/versions/{ref}/tree`; a name stands for one segment."""
    handler: Handler
    body_bytes: int = MEBIBYTE
    """How much a request may carry."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants its guests: any local user may be one."""

    connections: int = 64
    connections_of_stranger: int = 16
    """Of one uid that is not root, not ours and not in the socket's group; also the
    most requests of it that are worked on at once."""
    connections_kept: int = 16
    """Those that strangers do not get, all together: for who operates."""
    header_bytes: int = 64 * 1024
    held_bytes: int = 64 * MEBIBYTE
    """Of all bodies of requests together; of those of strangers, half as many."""
    request_s: float = 10
    """From the first byte of a request to its last."""
    idle_s: int = 15
    """Between two requests."""
    stall_s: float = 60
    """How long a reader may take next to nothing of an answer: less than the 160 KiB
    after which the kernel takes more."""
    graceful_s: int = 5
    """For answers under way when the server stops."""
