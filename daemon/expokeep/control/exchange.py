"""One request and its answer, as ASGI messages. It knows how an answer fails.

Before an answer began, an error is the answer; later it is the last line, or, where
there are no lines, a connection that is cut before the end of the answer.
"""

from typing import Literal

import h11
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from expokeep.control.connection import Connection
from expokeep.control.failure import document_of, status_of
from expokeep.errors import ExpokeepError
from expokeep.log import get

log = get(__name__)

_PIECE_BYTES = 128 * 1024
"""Fits into a socket's buffer (208 KiB), so that the event loop copies nothing: three
times as fast as 1 MiB at once."""

_CONTENT_TYPES = {
    "document": b"application/json",
    "lines": b"application/x-ndjson",
    "bytes": b"application/octet-stream",
}


class Exchange:
    """Speaks with one guest, for one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request = Request(scope, receive)
        self.connection: Connection = scope["state"]["connection"]
        self._send = send
        self._begun: Literal["document", "lines", "bytes"] | None = None

    async def departure(self) -> None:
        """Wait until the guest is gone."""
        while (await self.request.receive())["type"] != "http.disconnect":
            pass

    async def document(self, json: bytes, status: int = 200) -> None:
        """Answer with one document."""
        await self._begin("document", status, len(json))
        await self.part(json)
        await self.finish()

    async def begin(self, kind: Literal["lines", "bytes"]) -> None:
        """Start an answer in parts."""
        await self._begin(kind, 200)

    async def part(self, data: bytes | memoryview) -> None:
        """Send more of an answer, each piece when the one before was taken."""
        view = memoryview(b"%s\n" % data if self._begun == "lines" else data)
        for start in range(0, len(view), _PIECE_BYTES):
            await self._piece(view[start : start + _PIECE_BYTES])

    async def finish(self) -> None:
        """End an answer."""
        await self._piece(b"", more=False)

    async def fail(self, error: Exception) -> None:
        """Say what went wrong in the way that is left."""
        known = self._known(error)
        if self._begun is None:
            await self.document(document_of(known), status_of(known))
        elif self._begun == "lines":
            await self.part(document_of(known))
            await self.finish()
        else:
            self.connection.transport.close()
            await self.departure()

    def _known(self, error: Exception) -> ExpokeepError:
        where = {"path": self.request.scope["path"], "uid": self.connection.peer.uid}
        if not isinstance(error, ExpokeepError):
            log.error("request failed", **where, exc_info=error)
            return ExpokeepError("expokeepd failed at this; its log says how")
        if self._begun == "bytes":  # nobody else will hear of it
            log.warning("answer cut short", **where, error=str(error))
        return error

    async def _begin(
        self,
        kind: Literal["document", "lines", "bytes"],
        status: int,
        size_bytes: int | None = None,
    ) -> None:
        headers = [(b"content-type", _CONTENT_TYPES[kind])]
        if size_bytes is not None:
            headers.append((b"content-length", b"%d" % size_bytes))
        if self.connection.conn.their_state is h11.SEND_BODY:
            # We answer before we heard it all, and shall not listen to the rest.
            headers.append((b"connection", b"close"))
        await self._send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        self._begun = kind

    async def _piece(self, data: bytes | memoryview, *, more: bool = True) -> None:
        await self._send(
            {"type": "http.response.body", "body": data, "more_body": more}
        )
