"""Who is at the other end of a connection. The kernel says so, nobody else is asked.

A request may say on whose behalf it is made. Whether its sender may say so, and what
anybody may do, is decided where the request is understood.
"""

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import unquote

from expokeep.errors import UsageError
from expokeep.model.names import parse_user

USER_HEADER = "expokeep-user"
"""Names on whose behalf a request is made, percent-encoded."""

_SO_PEERGROUPS = 59  # linux/socket.h; the socket module has no name for it
_UCRED = struct.Struct("iII")
_GID_BYTES = 4
_MAX_OPTION_BYTES = 1024  # the most that getsockopt of Python hands out: 256 groups


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that connected, as it was at that moment."""

    uid: int
    gid: int
    pid: int
    """For logs only: it may be another process by now."""
    groups: frozenset[int]
    """All of its groups, `gid` among them."""
    user: str | None = None
    """On whose behalf it asks, as it says itself: the rights are this user's then."""


class Options(Protocol):
    """A socket, as far as its options go."""

    def getsockopt(self, level: int, name: int, size_bytes: int, /) -> bytes:
        """Return an option's bytes."""
        ...


def peer_of(connection: Options) -> Peer:
    """Return who connected.

    Raises:
        OSError: the kernel does not say.
    """
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size
    )
    pid, uid, gid = _UCRED.unpack(credentials)
    return Peer(uid, gid, pid, frozenset({gid, *_supplementary(connection)}))


def on_behalf(peer: Peer, said: Sequence[str]) -> Peer:
    """Return a peer that asks for whom its request names.

    Args:
        peer: who sent the request.
        said: every value of the header `USER_HEADER`.

    Raises:
        UsageError: it names nobody who could be. It must not count as unsaid: without
            a name, an operator may all.
    """
    if not said:
        return peer
    try:
        (value,) = said
        value.encode("ascii")
        return replace(peer, user=parse_user(unquote(value, errors="strict")))
    except ValueError as error:
        refusal = UsageError(f"{USER_HEADER} names no user: {', '.join(said)!r}")
        refusal.hint = "One name of 1 to 200 printable characters, percent-encoded."
        raise refusal from error


def _supplementary(connection: Options) -> tuple[int, ...]:
    """Return the other groups; none if there are more than fit.

    Somebody in more than 256 groups is then judged by uid and gid alone, and so may do
    less than they should: the safe side.
    """
    try:
        raw = connection.getsockopt(
            socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_OPTION_BYTES
        )
    except OSError:
        return ()
    return struct.unpack(f"{len(raw) // _GID_BYTES}I", raw)
