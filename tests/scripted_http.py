"""An HTTP server on loopback that answers as a test tells it, also wrongly.

It speaks just enough to stand where an S3 server would: each request is read and
noted, then the test's script gets the socket and does what it likes with it.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes


Script = Callable[[Request, socket.socket], None]


@dataclass(slots=True)
class Scripted:
    """What the server is told, and what it has seen."""

    script: Script
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set at the end: what a script waits for when it wants to hang."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(script: Script) -> Iterator[Scripted]:
    """Serve until the end of the block; each connection has a thread of its own."""
    told = Scripted(script)
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))
    told.port = listener.getsockname()[1]

    def accept() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            told.connections += 1
            threads.append(threading.Thread(target=_converse, args=(told, peer)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield told
    finally:
        told.stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def _converse(told: Scripted, peer: socket.socket) -> None:
    # An idle connection is polled, so that the end of a test does not wait for it.
    with contextlib.suppress(OSError), peer:
        while request := _request(told, peer):
            told.requests.append(request)
            told.script(request, peer)


def _request(told: Scripted, peer: socket.socket) -> Request | None:
    received = b""
    peer.settimeout(0.05)
    while b"\r\n\r\n" not in received:
        try:
            block = peer.recv(65536)
        except TimeoutError:
            if told.stopping.is_set():
                return None
            continue
        if not block:
            return None
        received += block
    peer.settimeout(10)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    while len(body) < int(headers.get("content-length", 0)):
        body += peer.recv(65536)
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)


def answer(
    peer: socket.socket, status: int, body: bytes = b"", **headers: object
) -> None:
    """Send a whole answer; a header's name has `_` for `-`."""
    peer.sendall(head(status, **{"Content_Length": len(body), **headers}) + body)


def head(status: int, **headers: object) -> bytes:
    """Return the head of an answer, to be sent before a body that a test makes up."""
    lines = [f"HTTP/1.1 {status} Scripted"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def refuse(peer: socket.socket, status: int, code: str) -> None:
    """Answer as S3 does when it says no."""
    text = f"<Error><Code>{code}</Code><Message>scripted</Message></Error>"
    answer(peer, status, text.encode(), Content_Type="application/xml")
