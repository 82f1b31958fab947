"""Ends what a read timeout never ends: a server that sends one byte a minute.

A socket's timeout starts again with every byte, so a trickle lasts for ever. Here each
single wait on a socket is given no more than what is left of the time for the whole
object, headers and TLS included. No thread watches over it, and a request that is
healthy pays one `settimeout` per read.

The time is bound to the thread that asks (`within`), because boto3 has no place for it
between our call and the socket.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSResponse,
)
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from expokeep import clock
from expokeep.errors import BackendUnreachable


@dataclass(frozen=True, slots=True)
class _Limits:
    ends_at_s: float
    stall_s: float


_limits: ContextVar[_Limits | None] = ContextVar("limits", default=None)


@contextmanager
def within(deadline_s: float, stall_s: float) -> Iterator[None]:
    """Give all requests inside, together, so many seconds.

    No single wait, for a byte to arrive or for a block to leave, takes more than
    `stall_s`: a peer that is gone is noticed long before the deadline.
    """
    token = _limits.set(_Limits(clock.monotonic_s() + deadline_s, stall_s))
    try:
        yield
    finally:
        _limits.reset(token)


def expired() -> bool:
    """Return whether the time of the present object is over."""
    limits = _limits.get()
    return limits is not None and clock.monotonic_s() >= limits.ends_at_s


def _allow_one_wait(sock: Any) -> None:
    """Let the next wait on `sock` take what is left, or what a stall may take.

    Raises:
        TimeoutError: Nothing is left. urllib3 knows what to do with this one.
    """
    limits = _limits.get()
    if limits is None:
        return
    left_s = limits.ends_at_s - clock.monotonic_s()
    if left_s <= 0:
        raise TimeoutError("the time for this object is over")
    sock.settimeout(min(left_s, limits.stall_s))


class _Reader(io.RawIOBase):
    """The bytes of one answer, each wait for them limited by the deadline."""

    def __init__(self, raw: Any, sock: Any) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _allow_one_wait(self._sock)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        # The raw stream holds the socket open until the answer is read, also when the
        # connection itself was closed: so it must be closed here, and not be dropped.
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that is read, headers and body, under the deadline."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Reader(raw, sock))


class _Sending:
    """Adds the deadline to a connection: to what it sends, and to its answers."""

    response_class = _Answer
    sock: Any
    connect: Any

    def send(self, data: Any) -> Any:
        # Without a socket, `send` connects first, and has the connect timeout for it.
        # urllib3 would go on with that one; it is too short for a block on a slow line.
        if self.sock is None:
            self.connect()
        _allow_one_wait(self.sock)
        return super().send(data)  # type: ignore[misc]  # of the connection beside us


# The stubs of botocore disagree with those of http.client about these, as they are.
class _PlainConnection(_Sending, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Sending, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(AWSHTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineSession(URLLib3Session):
    """botocore's own way to send a request, on connections that know the deadline."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # One dictionary, shared with the pools that are made later. botocore has no
        # public place for it; without it a trickle would end only by luck, so a
        # version that renames it fails here, and `test_a_trickle_is_ended` says why.
        pools: dict[str, type] = self._pool_classes_by_scheme  # type: ignore[attr-defined]
        pools.update(http=_PlainPool, https=_TlsPool)

    def send(self, request: Any) -> AWSResponse:
        """Send one request.

        Raises:
            BackendUnreachable: The deadline is over. botocore does not know this
                error, and therefore does not try again.
        """
        if expired():
            raise BackendUnreachable("the bucket took too long")
        try:
            return super().send(request)
        except HTTPClientError as error:
            if expired():
                raise BackendUnreachable("the bucket took too long") from error
            raise
