"""Asks the daemon. Made to start in a blink: h11 and sockets, nothing else.

`http.client` would do, but brings the mail parser and TLS along: 20 ms before the first
byte, where h11 takes 5. One connection per request; nothing that was begun is ever
tried twice.
"""

import json
import os
import random
import socket
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import h11

from expokeep.clock import monotonic_s, wait
from expokeep.control.failure import Crowded, error_of
from expokeep.control.peer import USER_HEADER
from expokeep.errors import DaemonUnreachable, ExpokeepError, TimedOut

_DOCUMENT_BYTES = 512 * 1024 * 1024
_LINE_BYTES = 64 * 1024 * 1024
"""More than any daemon of ours says at once, however much it keeps."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_RECEIVE_BYTES = 64 * 1024
"""Small enough for malloc to reuse; above 128 KiB each read costs fresh pages, and half
of the speed."""

Value = str | int | bool | Iterable[str] | None


def segment(text: str) -> str:
    """Return `text` as one segment of a path.

    >>> segment("shop@2026-11-24T10:00+01:00")
    'shop%402026-11-24T10%3A00%2B01%3A00'
    """
    return quote(text, safe="")


class Client:
    """The daemon, as seen from a command.

    Every method raises DaemonUnreachable if nobody answers or the answer is cut short,
    TimedOut when a request took longer than `timeout_s` in all, and whatever
    ExpokeepError the daemon answers with.
    """

    def __init__(
        self,
        socket_path: Path,
        timeout_s: float | None = None,
        *,
        user: str | None = None,
    ) -> None:
        self._socket_path = socket_path
        self._timeout_s = timeout_s
        self.patience_s = 0.0
        """So long it comes again while the daemon has no seat for another caller."""
        self._headers = [("host", "expokeep"), ("connection", "close")]
        if user is not None:
            self._headers.append((USER_HEADER, quote(user, safe="@")))

    def get(self, path: str, /, **query: Value) -> bytes:
        """Return a document."""
        return _whole(self.stream("GET", path, None, **query))

    def post(self, path: str, /, body: Mapping[str, Any]) -> bytes:
        """Return a document."""
        return _whole(self.stream("POST", path, body))

    def lines(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        /,
        **query: Value,
    ) -> Generator[dict[str, Any], None, None]:
        """Yield objects as they come. The first one that is asked for asks."""
        rest = bytearray()
        for data in self.stream(method, path, body, **query):
            if b"\n" not in data:
                rest += data
            else:
                *whole, end = b"".join((rest, data)).split(b"\n")
                rest = bytearray(end)
                yield from map(_document, whole)
            if len(rest) > _LINE_BYTES:
                raise DaemonUnreachable("the daemon's answer has no end")

    def stream(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        /,
        **query: Value,
    ) -> Generator[bytes, None, None]:
        """Yield contents as they come. The first one that is asked for asks.

        Ends without an error only if all of the answer was there.
        """
        began_s, pause_s = monotonic_s(), _FIRST_PAUSE_S
        target, raw = _target(path, query), _json(body)
        while True:
            try:
                exchange = _Exchange(self._socket_path, self._timeout_s, began_s)
                with exchange:
                    exchange.ask(method, target, raw, self._headers)
                    status = exchange.status()
                    if status == 200:
                        yield from exchange.data()
                        return
                    raise _failure(status, _whole(exchange.data()))
            except Crowded:
                waited_s = monotonic_s() - began_s + pause_s
                if waited_s > min(self.patience_s, self._timeout_s or self.patience_s):
                    raise
            # Not all at the same moment: after a reboot they come by the hundred.
            wait(threading.Event(), pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _whole(data: Iterable[bytes]) -> bytes:
    """Return a document that comes in parts, if it ever ends."""
    parts, size_bytes = [], 0
    for part in data:
        size_bytes += len(part)
        if size_bytes > _DOCUMENT_BYTES:
            raise DaemonUnreachable("the daemon's answer has no end")
        parts.append(part)
    return b"".join(parts)


def _document(line: bytes) -> dict[str, Any]:
    """Return the object on a line.

    Raises:
        ExpokeepError: it tells of an error: that one.
    """
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DaemonUnreachable(f"the daemon's answer is odd: {error}") from error
    if (told := error_of(document)) is not None:
        raise told
    if not isinstance(document, dict):
        raise DaemonUnreachable("the daemon's answer is odd: no object is on a line")
    return document


def _target(path: str, query: Mapping[str, Value]) -> str:
    fields = [
        (name, int(value) if isinstance(value, bool) else value)
        for name, value in query.items()
        if value is not None
    ]
    return f"{path}?{urlencode(fields, doseq=True)}" if fields else path


def _json(body: Mapping[str, Any] | None) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def _failure(status: int, document: bytes) -> ExpokeepError:
    try:
        error = error_of(json.loads(document))
    except (ValueError, RecursionError):
        error = None
    return error or ExpokeepError(f"the daemon answered HTTP {status}")


class _Exchange:
    """One request and its answer, on a connection of its own."""

    def __init__(
        self, socket_path: Path, timeout_s: float | None, began_s: float
    ) -> None:
        self._path = socket_path
        self._timeout_s = timeout_s
        self._until_s = None if timeout_s is None else began_s + timeout_s
        self._http = h11.Connection(h11.CLIENT)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(
        self,
        method: str,
        target: str,
        body: bytes,
        headers: Sequence[tuple[str, str]],
    ) -> None:
        """Connect, and send a request."""
        try:
            self._socket.settimeout(self._left_s())
            self._socket.connect(os.fspath(self._path))
        except TimeoutError as error:
            raise self._timed_out() from error
        except BlockingIOError as error:
            # So many are on their way in that the kernel keeps no more waiting.
            raise Crowded("too many callers are at the daemon's door") from error
        except OSError as error:
            raise DaemonUnreachable(
                f"no daemon answers on {self._path}: {error.strerror}"
            ) from error
        headers = [*headers]
        if body:
            headers += [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
            ]
        request = self._http.send(
            h11.Request(method=method, target=target, headers=headers)
        )
        rest = self._http.send(h11.Data(data=body)) if body else b""
        self._http.send(h11.EndOfMessage())
        try:
            self._socket.settimeout(self._left_s())
            self._socket.sendall((request or b"") + (rest or b""))
        except TimeoutError as error:
            raise self._timed_out() from error
        except OSError:
            pass  # it hung up before it heard all, and may have said why

    def status(self) -> int:
        """Wait for the answer to begin."""
        event = self._next()
        while not isinstance(event, h11.Response):
            event = self._next()
        return event.status_code

    def data(self) -> Generator[bytes, None, None]:
        """Yield the answer's contents until its end."""
        while isinstance(event := self._next(), h11.Data):
            yield bytes(event.data)

    def _next(self) -> h11.Event:
        try:
            while not isinstance(event := self._http.next_event(), h11.Event):
                self._socket.settimeout(self._left_s())
                self._http.receive_data(self._socket.recv(_RECEIVE_BYTES))
        except TimeoutError as error:
            raise self._timed_out() from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise DaemonUnreachable(
                f"the daemon's answer on {self._path} was cut short: {error}"
            ) from error
        return event

    def _left_s(self) -> float | None:
        if self._until_s is None:
            return None
        left_s = self._until_s - monotonic_s()
        if left_s <= 0:
            raise self._timed_out()
        return left_s

    def _timed_out(self) -> TimedOut:
        return TimedOut(f"no complete answer after {self._timeout_s:g} s")
