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

_ends_at_s: ContextVar[float | None] = ContextVar("ends_at_s", default=None)


@contextmanager
def within(deadline_s: float) -> Iterator[None]:
    """Give all requests inside, together, so many seconds."""
    token = _ends_at_s.set(clock.monotonic_s() + deadline_s)
    try:
        yield
    finally:
        _ends_at_s.reset(token)


def expired() -> bool:
    """Return whether the time of the present object is over."""
    ends_at_s = _ends_at_s.get()
    return ends_at_s is not None and clock.monotonic_s() >= ends_at_s


def _allow(sock: Any, at_most_s: float | None) -> None:
    """Let the next wait on `sock` take what is left, and no longer than `at_most_s`.

    Raises:
        TimeoutError: Nothing is left. urllib3 knows what to do with this one.
    """
    ends_at_s = _ends_at_s.get()
    if ends_at_s is None:
        return
    left_s = ends_at_s - clock.monotonic_s()
    if left_s <= 0:
        raise TimeoutError("the time for this object is over")
    sock.settimeout(left_s if at_most_s is None else min(left_s, at_most_s))


class _Reader(io.RawIOBase):
    """The bytes of one answer, each wait for them limited by the deadline."""

    def __init__(self, raw: Any, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        self._at_most_s: float | None = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _allow(self._sock, self._at_most_s)
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
    timeout: Any

    def send(self, data: Any) -> Any:
        # None until the first bytes: then `send` connects, within the connect timeout.
        if self.sock is not None:
            _allow(self.sock, self.timeout)
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
