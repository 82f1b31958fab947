"""A longer wire to the server: adds a round trip, takes no bandwidth away, and counts.

Each direction delivers its bytes half a round trip after they came in, in order and as
fast as they come. A new connection waits one round trip more, as the handshake of TCP
would. There is no loss, no slow start and no TLS: those would cost every peer more, and
the peers that open new connections for every save the most.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from urllib.parse import urlsplit

from bench.counting import RequestCounter, Tally

_ENOUGH_UNDERWAY_BYTES = 64 * 1024 * 1024
"""More than any wire holds at the speed of loopback in half a round trip."""
_BUFFER_BYTES = 1024 * 1024


class Proxy:
    """Listens on a free port of loopback and forwards to one server.

    `added_rtt_s` and `tally` may be replaced between operations; both are read for each
    chunk of bytes that passes.
    """

    def __init__(self, upstream: str) -> None:
        self.added_rtt_s = 0.0
        self.tally = Tally()
        self.port = 0
        self._upstream = urlsplit(upstream).netloc.split(":")

    @property
    def endpoint(self) -> str:
        """The address that clients are given instead of the server's own."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Serve from a thread of its own until the block is left."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(
            loop.create_server(lambda: _Near(self), "127.0.0.1", 0, backlog=512)
        )
        self.port = server.sockets[0].getsockname()[1]
        thread = threading.Thread(target=loop.run_forever, name="bench-proxy")
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            server.close()
            loop.close()

    async def connect(self, far: "_Far") -> None:
        """Open the connection to the server on behalf of a client."""
        loop = asyncio.get_running_loop()
        host, port = self._upstream
        await loop.create_connection(lambda: far, host, int(port))


class _OneWay:
    """Bytes under way from one end to the other, in order and late."""

    def __init__(self, proxy: Proxy) -> None:
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None
        self.held = True
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self._underway: deque[tuple[float, bytes]] = deque()
        self._underway_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def send(self, data: bytes, *, extra_s: float = 0.0) -> None:
        """Deliver `data` half a round trip from now; no data is the end of the way."""
        due = self._loop.time() + self._proxy.added_rtt_s / 2 + extra_s
        if self._underway:
            due = max(due, self._underway[-1][0])
        self._underway.append((due, data))
        self._underway_bytes += len(data)
        if self._underway_bytes > _ENOUGH_UNDERWAY_BYTES and self.source:
            self.source.pause_reading()
        self.deliver()

    def deliver(self) -> None:
        """Hand over what is due, and come back for the rest."""
        while self._underway and self.sink and not self.held:
            due, data = self._underway[0]
            wait_s = due - self._loop.time()
            if wait_s > 0:
                self._come_back_in(wait_s)
                return
            self._underway.popleft()
            self._underway_bytes -= len(data)
            _hand_over(data, self.sink)
        if self.source and self._underway_bytes <= _ENOUGH_UNDERWAY_BYTES:
            self.source.resume_reading()

    def _come_back_in(self, wait_s: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(wait_s, self._come_back)

    def _come_back(self) -> None:
        self._timer = None
        self.deliver()


def _hand_over(data: bytes, sink: asyncio.Transport) -> None:
    if sink.is_closing():
        return
    if data:
        sink.write(data)
    else:
        # Neither side of S3 goes on talking after the other has hung up.
        sink.close()


class _End(asyncio.Protocol):
    """What both ends of a connection do alike: `sends` away from it, `gets` to it."""

    sends: _OneWay
    gets: _OneWay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        ours = cast("asyncio.Transport", transport)  # TCP always gives one of these
        ours.set_write_buffer_limits(high=_BUFFER_BYTES)
        self.sends.source = self.gets.sink = ours
        self.gets.held = False
        self.gets.deliver()

    def pause_writing(self) -> None:
        self.gets.held = True

    def resume_writing(self) -> None:
        self.gets.held = False
        self.gets.deliver()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's
        self.sends.send(b"")


class _Near(_End):
    """The client's end: counts its requests on their way out."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._counter = RequestCounter()
        self._is_new = True
        self.sends = _OneWay(proxy)
        self.gets = _OneWay(proxy)
        self._connecting = asyncio.get_running_loop().create_task(
            proxy.connect(_Far(proxy, self))
        )

    def data_received(self, data: bytes) -> None:
        handshake_s = self._proxy.added_rtt_s if self._is_new else 0.0
        self._is_new = False
        self._proxy.tally.sent_bytes += len(data)
        self._proxy.tally.requests.update(self._counter.feed(data))
        self.sends.send(data, extra_s=handshake_s)


class _Far(_End):
    """The server's end."""

    def __init__(self, proxy: Proxy, near: _Near) -> None:
        self._proxy = proxy
        self.sends = near.gets
        self.gets = near.sends

    def data_received(self, data: bytes) -> None:
        self._proxy.tally.received_bytes += len(data)
        self.sends.send(data)
