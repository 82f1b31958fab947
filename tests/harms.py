"""What can befall an HTTP request on its way, as pieces that are sent or are not.

Knows how a head and a body are spoilt, and no socket: the relay sends what comes from
here, and hangs up when a `Cut` comes instead.
"""

from collections.abc import Callable, Iterator
from typing import Literal

Fault = Literal[
    "error",
    "slow down",
    "unavailable",
    "too many",
    "timeout",
    "reset",
    "reset inside",
    "lost",
    "cut",
    "sent short",
    "sent flipped",
    "short",
    "flipped",
    "deaf",
    "hang",
    "stall",
    "trickle",
    "slow",
]
"""What can happen to a request: see `REFUSALS` and the two tables of ways below."""

PASSING: tuple[Fault, ...] = (
    "error",
    "slow down",
    "timeout",
    "reset",
    "lost",
    "cut",
)
"""Those that cost no time: what `seeded` chooses from."""

REFUSALS: dict[Fault, tuple[int, str]] = {
    "error": (500, "InternalError"),
    "slow down": (503, "SlowDown"),
    "unavailable": (503, "ServiceUnavailable"),
    "too many": (429, "TooManyRequests"),
    "timeout": (400, "RequestTimeout"),
}
"""Answers that no server gave: status, and the code in its body."""

Wait = Callable[[float], object]
"""Waits so many seconds, or until the relay is stopped."""

Way = Callable[[bytes, Iterator[bytes], Wait], Iterator[bytes]]
"""Takes a head, the body behind it and a wait; yields what is to be sent."""

FOR_EVER_S = 60.0
DRIP_S = 0.02
SLOW_S = 0.03


class Cut(Exception):
    """The connection ends here, without an orderly end."""


def as_it_is(head: bytes, body: Iterator[bytes], _wait: Wait) -> Iterator[bytes]:
    """Spoil nothing."""
    yield head
    yield from body


def _half(head: bytes, body: Iterator[bytes], _wait: Wait) -> Iterator[bytes]:
    whole = b"".join(body)
    yield head
    yield whole[: len(whole) // 2]
    raise Cut


def _first_half_block(
    head: bytes, body: Iterator[bytes], _wait: Wait
) -> Iterator[bytes]:
    yield head
    first = next(body, b"")
    yield first[: len(first) // 2]
    raise Cut


def _nothing(_head: bytes, body: Iterator[bytes], _wait: Wait) -> Iterator[bytes]:
    yield from ()
    raise Cut


def _short(head: bytes, body: Iterator[bytes], _wait: Wait) -> Iterator[bytes]:
    """Lose the second half, and say that there never was one."""
    whole = b"".join(body)
    kept = whole[: len(whole) // 2]
    length = b"content-length: %d"
    lines = [
        length % len(kept) if line.lower() == length % len(whole) else line
        for line in head.split(b"\r\n")
    ]
    yield b"\r\n".join(lines) + kept


def _flipped(head: bytes, body: Iterator[bytes], _wait: Wait) -> Iterator[bytes]:
    """Change one bit in the middle."""
    whole = bytearray(b"".join(body))
    if whole:
        whole[len(whole) // 2] ^= 0x10
    yield head + bytes(whole)


def _hang(_head: bytes, _body: Iterator[bytes], wait: Wait) -> Iterator[bytes]:
    yield from ()
    wait(FOR_EVER_S)
    raise Cut


def _stall(head: bytes, body: Iterator[bytes], wait: Wait) -> Iterator[bytes]:
    whole = head + b"".join(body)
    yield whole[: len(head) // 2 if len(whole) == len(head) else -1]
    wait(FOR_EVER_S)
    raise Cut


def _trickle(head: bytes, body: Iterator[bytes], wait: Wait) -> Iterator[bytes]:
    """Send a byte now and then, always in time for a timeout that counts from each."""
    for number in range(len(head)):
        yield head[number : number + 1]
        wait(DRIP_S)
    yield from body


def _slow(head: bytes, body: Iterator[bytes], wait: Wait) -> Iterator[bytes]:
    yield head
    for block in body:
        middle = len(block) // 2
        yield block[:middle]
        wait(SLOW_S)
        yield block[middle:]


ON_THE_WAY_THERE: dict[Fault, Way] = {
    "reset": _nothing,  # before the server saw any of it
    "reset inside": _half,
    "sent short": _short,
    "sent flipped": _flipped,
    "deaf": _hang,
}
ON_THE_WAY_BACK: dict[Fault, Way] = {
    "lost": _nothing,  # after the server has done what was asked
    "cut": _first_half_block,
    "short": _short,
    "flipped": _flipped,
    "hang": _hang,
    "stall": _stall,
    "trickle": _trickle,
    "slow": _slow,
}


def refusal(status: int, code: str) -> bytes:
    """Return an answer that says no, as S3 says it."""
    body = f"<Error><Code>{code}</Code><Message>made up</Message></Error>".encode()
    head = (
        f"HTTP/1.1 {status} Refused\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
