"""Stands between a daemon and an S3 server: counts, and does harm on demand.

It speaks just enough HTTP to tell one request from the next. What it does to each of
them is said by a test's script; without one, everything passes as it is.
"""

import contextlib
import random
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from urllib.parse import urlsplit

from harms import (
    ON_THE_WAY_BACK,
    ON_THE_WAY_THERE,
    PASSING,
    REFUSALS,
    Cut,
    Fault,
    as_it_is,
    refusal,
)

BLOCK_BYTES = 64 * 1024
PATIENCE_S = 60.0
EMPTY_LINE = b"\r\n\r\n"


@dataclass(slots=True)
class Passed:
    """A request that came by, and what became of it."""

    method: str
    target: str
    sent_bytes: int = 0
    """Of its body."""
    received_bytes: int = 0
    """Of the body of its answer."""
    status: int | None = None
    """As the server answered; None if it never did."""
    fault: Fault | None = None


Script = Callable[[Passed], Fault | None]


def seeded(seed: int, share: float) -> Script:
    """Return a script that does harm to a share of all requests, always the same."""
    chance = random.Random(seed)

    def script(_request: Passed) -> Fault | None:
        return chance.choice(PASSING) if chance.random() < share else None

    return script


class Relay:
    """A server on loopback that passes requests on, if its script lets it.

    What a script may do to a request is said in `harms`.
    """

    def __init__(self, upstream: str) -> None:
        self.script: Script = lambda _request: None
        self.landed: Callable[[Passed], None] = lambda _request: None
        """Called when a request has been answered, before its client hears of it."""
        self.is_down = False
        """Whoever comes is turned away, and who is there is cut."""
        self.passed: list[Passed] = []
        self.holding = threading.Event()
        """Set while an answer is held back because of `hold_after`."""
        self._upstream = urlsplit(upstream).netloc.rsplit(":", 1)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._go_on = threading.Event()
        self._budget_bytes: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[Passed]]:
        """Collect the requests that come by inside the block."""
        start = len(self.passed)
        seen: list[Passed] = []
        yield seen
        seen += self.passed[start:]

    def hold_after(self, size_bytes: int) -> None:
        """Let so many bytes of answers pass, and hold the rest back until `release`."""
        self._go_on.clear()
        self.holding.clear()
        self._budget_bytes = size_bytes

    def release(self) -> None:
        """Hold nothing back any more."""
        self._budget_bytes = None
        self._go_on.set()

    def go_down(self) -> None:
        """Answer nobody until `come_back`."""
        self.is_down = True
        self._cut_all()

    def come_back(self) -> None:
        self.is_down = False

    def start(self) -> None:
        self._spawn(self._accept)

    def stop(self) -> None:
        self._over.set()
        self.release()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._cut_all()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._listener.close()

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="relay")
        self._threads.append(thread)
        thread.start()

    def _cut_all(self) -> None:
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_down:
                _reset(client)
            else:
                self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        host, port = self._upstream
        try:
            server = socket.create_connection((host, int(port)))
        except OSError:
            _reset(client)
            return
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {client, server}
        try:
            with (
                contextlib.suppress(OSError, ValueError),
                client.makefile("rb", BLOCK_BYTES) as asked,
                server.makefile("rb", BLOCK_BYTES) as answered,
            ):
                while self._pass_one(client, asked, server, answered):
                    pass
        finally:
            with self._lock:
                self._open -= {client, server}
            _reset(client)
            server.close()

    def _pass_one(
        self,
        client: socket.socket,
        asked: BufferedReader,
        server: socket.socket,
        answered: BufferedReader,
    ) -> bool:
        """Pass one request and its answer on; return whether there may be another."""
        head = _read_head(asked)
        if not head:
            return False
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        request = Passed(method, target)
        with self._lock:
            self.passed.append(request)
            request.fault = self.script(request)
        body = _counted(_body(head, asked), request)
        if request.fault in REFUSALS:
            deque(body, maxlen=0)
            said = refusal(*REFUSALS[request.fault])
            bare = said[: said.index(EMPTY_LINE) + len(EMPTY_LINE)]
            client.sendall(bare if request.method == "HEAD" else said)
            return True
        way = ON_THE_WAY_THERE.get(request.fault, as_it_is)
        try:
            for piece in way(head, body, self._over.wait):
                server.sendall(piece)
            return self._answer(request, client, answered)
        except Cut:
            return False

    def _answer(
        self, request: Passed, client: socket.socket, answered: BufferedReader
    ) -> bool:
        head = _read_head(answered)
        if not head:
            return False
        request.status = int(head.split(b" ", 2)[1])
        self.landed(request)
        has_body = request.method != "HEAD" and request.status not in {204, 304}
        body = _body(head, answered) if has_body else iter(())
        way = ON_THE_WAY_BACK.get(request.fault, as_it_is)
        for piece in way(head, self._within_budget(body, request), self._over.wait):
            client.sendall(piece)
        return True

    def _within_budget(self, body: Iterator[bytes], request: Passed) -> Iterator[bytes]:
        for block in body:
            self._wait_for_budget(len(block))
            yield block
            request.received_bytes += len(block)

    def _wait_for_budget(self, size_bytes: int) -> None:
        with self._lock:
            if self._budget_bytes is None:
                return
            self._budget_bytes -= size_bytes
            if self._budget_bytes >= 0:
                return
        self.holding.set()
        self._go_on.wait(PATIENCE_S)


def _read_head(stream: BufferedReader) -> bytes:
    """Return the next head with its empty line, or nothing at the end."""
    lines = []
    while line := stream.readline():
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""


def _body(head: bytes, stream: BufferedReader) -> Iterator[bytes]:
    """Yield the body that a head announces, as it is on the wire."""
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n"))
    }
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        yield from _chunks(stream)
        return
    left = int(fields.get(b"content-length", 0))
    while left > 0:
        block = stream.read1(min(left, BLOCK_BYTES))
        if not block:
            raise ConnectionError("the body broke off")
        left -= len(block)
        yield block


def _counted(body: Iterator[bytes], request: Passed) -> Iterator[bytes]:
    for block in body:
        request.sent_bytes += len(block)
        yield block


def _chunks(stream: BufferedReader) -> Iterator[bytes]:
    while True:
        size_line = stream.readline()
        chunk = stream.read(int(size_line.split(b";")[0], 16) + 2)
        yield size_line + chunk
        if int(size_line.split(b";")[0], 16) == 0:
            return


def _reset(client: socket.socket) -> None:
    """Close so that the other side sees a reset, and not an orderly end."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@contextlib.contextmanager
def relay_to(url: str) -> Iterator[Relay]:
    """Run a relay to a server until the block is left."""
    relay = Relay(url)
    relay.start()
    try:
        yield relay
    finally:
        relay.stop()
