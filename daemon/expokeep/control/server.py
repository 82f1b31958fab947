"""Answers on the control socket, from a thread of its own.

It knows neither journeys nor the catalog: what can be asked is a table that it is
given. uvicorn speaks HTTP and starlette finds the route.
"""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import socket
from types import TracebackType
from typing import Self

import uvicorn

from expokeep.clock import wait
from expokeep.control.answering import Desk, application
from expokeep.control.binding import bound_socket
from expokeep.control.connection import Connection
from expokeep.control.guests import Guests
from expokeep.control.routes import Limits, Route
from expokeep.errors import ExpokeepError

_START_S = 10.0
_GRANTED = Limits()


class ControlSocket:
    """The daemon's ear: a context manager that serves while it is entered."""

    def __init__(
        self,
        path: Path,
        permissions: int,
        group: str | None,
        routes: Sequence[Route],
        limits: Limits = _GRANTED,
    ) -> None:
        self._path = path
        self._permissions = permissions
        self._group = group
        self._routes = routes
        self._limits = limits
        self._opened = contextlib.ExitStack()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Bind the socket and begin to answer.

        Raises:
            Busy: another daemon answers there.
            ConfigError: there can be no such socket.
        """
        with contextlib.ExitStack() as opening:
            listener, group_id = opening.enter_context(
                bound_socket(self._path, self._permissions, self._group)
            )
            # Twice the seats: a departed guest's iterator is closed beside its step.
            pool = ThreadPoolExecutor(2 * self._limits.connections, "control")
            opening.callback(pool.shutdown, wait=False)
            desk = Desk(pool, Guests(self._limits, group_id), self._limits)
            self._start(opening, listener, desk, Guests(self._limits, group_id))
            self._opened = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop: answers under way have `graceful_s`, their iterators as long again."""
        self._opened.close()

    @property
    def is_alive(self) -> bool:
        """Whether somebody would answer: for the watchdog."""
        return self._thread is not None and self._thread.is_alive()

    def _start(
        self,
        opening: contextlib.ExitStack,
        listener: socket,
        desk: Desk,
        seats: Guests,
    ) -> None:
        config = uvicorn.Config(
            application(self._routes, desk),
            http=functools.partial(Connection, self._limits, seats),  # type: ignore[arg-type]  # called like a class
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=self._limits.idle_s,
            timeout_graceful_shutdown=self._limits.graceful_s,
            h11_max_incomplete_event_size=self._limits.header_bytes,
        )
        serving = _Serving(config)
        self._thread = threading.Thread(
            target=serving.run_with, args=(listener,), name="control", daemon=True
        )
        self._thread.start()
        opening.callback(desk.guests.wait_until_gone, self._limits.graceful_s)
        opening.callback(self._thread.join, 2.0 * self._limits.graceful_s)
        opening.callback(serving.stop)
        if not serving.wait_until_started(_START_S):
            raise ExpokeepError("the control socket's thread did not start")


class _Serving(uvicorn.Server):
    """uvicorn without signals, and without its ten ticks a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._is_up = threading.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run_with(self, listener: socket) -> None:
        """Serve until `stop`; the whole life of the thread."""
        asyncio.run(self.serve(sockets=[listener]))

    def wait_until_started(self, timeout_s: float) -> bool:
        """Return whether it answers."""
        return wait(self._is_up, timeout_s)

    def stop(self) -> None:
        """Ask the thread to come to its end; from any other thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Do nothing, until it is time to stop."""
        self._loop = asyncio.get_running_loop()
        self._is_up.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let answers end, and cut those that do not."""
        await super().shutdown(sockets)
        for connection in self.server_state.connections.copy():
            connection.transport.abort()
        # `abort` takes effect when the loop comes round.
        await asyncio.sleep(0)
