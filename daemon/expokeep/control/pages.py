"""Pages over plain HTTP on a TCP address, for machines that look now and then.

Whoever reaches the address may ask, so a guest gets little: a short question, one
answer, and the connection is closed. Nothing that is sent here changes anything. What
the pages say is not known here.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from expokeep.clock import wait
from expokeep.errors import ExpokeepError
from expokeep.log import get

log = get(__name__)

_START_S = 10.0
_END_S = 5.0
_LARGEST_QUESTION_BYTES = 8192
_TURNS = 10
"""Of the loop, until whoever was let in a moment ago is known, and can be cut."""


class AddressUnusable(ExpokeepError):
    """Nobody can listen at an address: another process does, or it is not ours."""

    transient = True
    hint = "The setting addr names another one, or off."


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    body: bytes
    media_type: str = "text/plain; charset=utf-8"
    status: int = 200


Answer = Callable[[str], Page]
"""Answers with a page, given what the guest accepts. Must not take long."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What a guest is granted."""

    connections: int = 32
    question_s: float = 5.0
    """For a whole question, however it trickles in."""
    answer_s: float = 10.0
    """For the guest to take an answer."""


class Pages:
    """A thread that answers at one address. A context manager."""

    def __init__(
        self,
        address: tuple[str, int],
        answers: Mapping[str, Answer],
        patience: Patience | None = None,
    ) -> None:
        """Keep what is answered, by path; nothing listens yet."""
        self._address = address
        self._answers = answers
        self._patience = patience or Patience()
        self._guests: dict[asyncio.StreamWriter, None] = {}
        """In the order in which they came."""
        self._is_up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self.port = address[1]
        """Where it listens: if any would do, the one that it got."""

    def __enter__(self) -> Self:
        """Listen, and begin to answer.

        Raises:
            AddressUnusable: nobody can listen there.
        """
        listener = _listening(*self._address)
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="pages", daemon=True
        )
        self._thread.start()
        if not wait(self._is_up, _START_S):
            raise ExpokeepError("the thread that answers over HTTP did not start")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; answers under way are cut."""
        loop, ending = self._loop, self._ending
        if loop is not None and ending is not None:
            with contextlib.suppress(RuntimeError):  # it ended by itself
                loop.call_soon_threadsafe(ending.set)
        if self._thread is not None:
            self._thread.join(_END_S)

    def _run(self, listener: socket.socket) -> None:
        asyncio.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(
            self._welcome, sock=listener, limit=_LARGEST_QUESTION_BYTES
        )
        self._is_up.set()
        await self._ending.wait()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()

    async def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one guest; whatever it does, it is gone soon."""
        while len(self._guests) >= self._patience.connections:
            # Who has been here longest dawdles: whoever looks takes milliseconds. So
            # nobody can take all seats, and keep them.
            oldest = next(iter(self._guests))
            del self._guests[oldest]
            oldest.transport.abort()
        self._guests[writer] = None
        try:
            async with asyncio.timeout(self._patience.question_s):
                question = await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answered(question))
            async with asyncio.timeout(self._patience.answer_s):
                await writer.drain()
                writer.write_eof()
                while await reader.read(_LARGEST_QUESTION_BYTES):
                    pass  # until it has gone, having read all
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # it came for nothing
        finally:
            self._guests.pop(writer, None)
            writer.transport.abort()

    def _answered(self, question: bytes) -> bytes:
        """Return the answer to a question, as it is sent."""
        lines = question.decode("latin-1").split("\r\n")
        method, target, version = [*lines[0].split(" "), "", ""][:3]
        if not target.startswith("/") or not version.startswith("HTTP/1."):
            page = _refusal(HTTPStatus.BAD_REQUEST)
        elif method not in ("GET", "HEAD"):
            page = _refusal(HTTPStatus.METHOD_NOT_ALLOWED)
        else:
            page = self._page(target.partition("?")[0], _accepted(lines[1:]))
        return _as_sent(page, with_body=method != "HEAD")

    def _page(self, path: str, accept: str) -> Page:
        answer = self._answers.get(path)
        if answer is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        try:
            return answer(accept)
        except Exception:
            # A fault of ours must not end the thread: whoever looks is to see it.
            log.exception("page not made", path=path)
            return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR)


def _listening(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # It may be bound again at once after us, but never beside somebody who listens.
        return socket.create_server((host, port), family=found[0][0], backlog=64)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AddressUnusable(
            f"nobody can listen at {host}:{port}: {reason}"
        ) from error


def _accepted(lines: list[str]) -> str:
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "accept":
            return value.strip()
    return ""


def _refusal(status: HTTPStatus) -> Page:
    return Page(f"{status.phrase.lower()}\n".encode(), status=status.value)


def _as_sent(page: Page, *, with_body: bool) -> bytes:
    status = HTTPStatus(page.status)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {page.media_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        + ("Allow: GET, HEAD\r\n" if page.status == 405 else "")
        + "Connection: close\r\n\r\n"
    )
    return head.encode() + (page.body if with_body else b"")
