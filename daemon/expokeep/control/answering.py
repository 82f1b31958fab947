"""From a request to its handler, and from the handler's reply to an answer.

An ASGI application on the event loop's thread, which it never blocks: handlers and
iterators are stepped through in threads, one item ahead of what is being sent.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import starlette.routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from expokeep.control.exchange import Exchange
from expokeep.control.failure import BodyTooLarge, Crowded, document_of
from expokeep.control.guests import Guests
from expokeep.control.peer import USER_HEADER, on_behalf
from expokeep.control.routes import Bytes, Call, Document, Limits, Reply, Route
from expokeep.control.work import Steps, Work
from expokeep.errors import UsageError

_MAX_FIELDS = 1000


@dataclass(slots=True)
class Desk:
    """What all requests share."""

    pool: ThreadPoolExecutor
    guests: Guests
    limits: Limits
    held_bytes: int = 0
    """Of the bodies of all requests under way. Only the event loop's thread counts."""
    held_of_strangers: int = 0

    def hold(self, size_bytes: int, *, of_stranger: bool) -> None:
        """Count bytes of a body; `hold` as many less when they are gone.

        Raises:
            Crowded: they are too many. They count all the same.
        """
        self.held_bytes += size_bytes
        self.held_of_strangers += size_bytes if of_stranger else 0
        limit = self.limits.held_bytes
        is_too_much = self.held_bytes > limit
        if of_stranger:
            is_too_much = is_too_much or self.held_of_strangers > limit // 2
        if size_bytes > 0 and is_too_much:
            raise Crowded("too much is being sent at once")


def application(routes: Sequence[Route], desk: Desk) -> ASGIApp:
    """Return the ASGI application that answers these routes."""
    known = ", ".join(f"{route.method} {route.pattern}" for route in routes)

    def unrouted(request: Request, error: Exception) -> Response:
        # Exit code 2, never 10: "no such route" must not read as "nothing is kept".
        status = error.status_code if isinstance(error, HTTPException) else 500
        refusal = UsageError(
            f"no such request: {request.method} {request.scope['path']}"
        )
        refusal.hint = f"Known are {known}."
        headers = error.headers if isinstance(error, HTTPException) else None
        return Response(document_of(refusal), status, headers, "application/json")

    table = Starlette(
        routes=[_starlette_route(route, desk) for route in routes],
        exception_handlers={HTTPException: unrouted},
    )
    table.router.redirect_slashes = False

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        # Matched before it is decoded: a version's name may hold an escaped slash.
        await table({**scope, "path": scope["raw_path"].decode()}, receive, send)

    return answer


def _starlette_route(route: Route, desk: Desk) -> starlette.routing.Route:
    matched = starlette.routing.Route(
        route.pattern, _Answering(route, desk), methods=[route.method]
    )
    matched.methods = {route.method}  # without HEAD: it would do all of the work
    return matched


class _Answering:
    """Answers the requests of one route."""

    def __init__(self, route: Route, desk: Desk) -> None:
        self._route = route
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        peer = exchange.connection.peer
        try:
            with Work(self._desk.pool, self._desk.guests, peer) as work:
                of_stranger = self._desk.guests.is_stranger(peer)
                async with self._body(exchange.request, of_stranger) as body:
                    call = _call(exchange, body)
                    reply = await work.do(self._route.handler, call)
                    await _answer(exchange, reply, work)
        except ClientDisconnect:
            pass  # nobody is left to be told
        except Exception as error:  # noqa: BLE001 - every request must be answered
            await exchange.fail(error)

    @contextlib.asynccontextmanager
    async def _body(
        self,
        request: Request,
        of_stranger: bool,  # noqa: FBT001 - a fact about the request, handed on
    ) -> AsyncIterator[bytes]:
        """Receive a body, within its own limit and the one for all together."""
        limit = self._route.body_bytes
        if int(request.headers.get("content-length", 0)) > limit:
            raise BodyTooLarge(limit)
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                self._desk.hold(len(chunk), of_stranger=of_stranger)
                if len(body) > limit:
                    raise BodyTooLarge(limit)
            yield bytes(body)
        finally:
            self._desk.hold(-len(body), of_stranger=of_stranger)


def _call(exchange: Exchange, body: bytes) -> Call:
    request = exchange.request
    try:
        path = {
            name: unquote(value, errors="strict")
            for name, value in request.path_params.items()
        }
        query = parse_qs(
            request.scope["query_string"].decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise UsageError(f"the address cannot be read: {error}") from error
    said = request.headers.getlist(USER_HEADER)
    return Call(on_behalf(exchange.connection.peer, said), path, query, body)


async def _answer(exchange: Exchange, reply: Reply, work: Work) -> None:
    if isinstance(reply, Document):
        await exchange.document(reply.json)
        return
    steps = Steps(work, reply.chunks if isinstance(reply, Bytes) else reply.objects)
    gone = asyncio.ensure_future(exchange.departure())
    try:
        # The first item is waited for: until then, an error can have its own status.
        item = await _unless(gone, steps.following())
        await exchange.begin("bytes" if isinstance(reply, Bytes) else "lines")
        while item is not Steps.END:
            following = steps.following()
            await exchange.part(item)
            item = await _unless(gone, following)
        await exchange.finish()
    finally:
        gone.cancel()
        steps.close()


async def _unless(gone: asyncio.Future[None], item: asyncio.Future[Any]) -> Any:
    """Wait for an item, but not longer than there is somebody to have it."""
    await asyncio.wait({gone, item}, return_when=asyncio.FIRST_COMPLETED)
    if gone.done():
        raise ClientDisconnect
    return item.result()
