"""Who is at the other end of a connection. The kernel says so, nobody else is asked.

It does not know what anybody may do: that is decided where the request is understood.
"""

import socket
import struct
from dataclasses import dataclass
from typing import Protocol

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
