"""One connection: who it is, and how long it may keep us waiting.

Extends uvicorn's HTTP/1.1 protocol, on the event loop's thread. What is asked and
answered passes through unseen.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from expokeep.control.failure import document_of
from expokeep.control.guests import Guests
from expokeep.control.peer import Peer, peer_of
from expokeep.control.routes import Limits
from expokeep.errors import Busy, ExpokeepError, TimedOut, UsageError
from expokeep.log import get

log = get(__name__)

# Warnings of uvicorn are about what a guest did wrong, and any local user is a guest.
_uvicorn_log = logging.getLogger("uvicorn.error.control")
_uvicorn_log.setLevel(logging.ERROR)


class Connection(H11Protocol):
    """HTTP with one guest."""

    peer: Peer

    def __init__(
        self,
        limits: Limits,
        guests: Guests,
        config: Config,
        server_state: ServerState,
        **uvicorns: Any,
    ) -> None:
        super().__init__(config, server_state, **uvicorns)
        # Every request finds its connection in the state of its scope.
        self.app_state = {"connection": self}
        self.logger = _uvicorn_log
        self._limits = limits
        self._guests = guests
        self._is_seated = False
        self._late: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Ask the kernel who it is, and start the clock."""
        super().connection_made(transport)
        # Whatever the reader did not take yet counts as waiting for the reader.
        transport.set_write_buffer_limits(0)
        try:
            self.peer = peer_of(transport.get_extra_info("socket"))
            self._guests.enter(self.peer)
        except OSError as error:
            log.warning("peer unknown", error=str(error))
            transport.abort()
        except Busy as error:
            self._refuse(b"409 Conflict", error)
        else:
            self._is_seated = True
            self._late = self._after(self._limits.request_s, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what was taken."""
        super().connection_lost(exc)
        for timer in (self._late, self._stall):
            if timer is not None:
                timer.cancel()
        if self._is_seated:
            self._is_seated = False
            self._guests.leave(self.peer)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, and stop the clock when the request is complete."""
        super().data_received(data)
        is_waiting = self.conn.their_state in {h11.IDLE, h11.SEND_BODY}
        if is_waiting and self._late is None:
            self._late = self._after(self._limits.request_s, self._too_late)
        elif not is_waiting and self._late is not None:
            self._late.cancel()
            self._late = None

    def pause_writing(self) -> None:
        """Expect the reader to take something soon.

        No more is written meanwhile, and a piece is smaller than what the kernel makes
        room for at once: any progress is enough to end the pause.
        """
        super().pause_writing()
        self._stall = self._after(self._limits.stall_s, self._stalled)

    def resume_writing(self) -> None:
        """Be content: the reader took all that was written."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def send_400_response(self, msg: str) -> None:
        """Answer to what is no HTTP."""
        self._refuse(b"400 Bad Request", UsageError(msg))

    def shutdown(self) -> None:
        """Finish what is under way, begin nothing."""
        if not self.transport.is_closing():
            super().shutdown()

    def _after(self, delay_s: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(delay_s, act)

    def _too_late(self) -> None:
        limit_s = self._limits.request_s
        self._refuse(
            b"408 Request Timeout",
            TimedOut(f"the request was not complete after {limit_s:g} s"),
        )

    def _stalled(self) -> None:
        log.info("stalled reader cut off", uid=self.peer.uid)
        self.transport.abort()

    def _refuse(self, status: bytes, error: ExpokeepError) -> None:
        """Answer without HTTP's state machine, which may be in any state; hang up."""
        if self.transport.is_closing():
            return
        if self.conn.our_state is not h11.SEND_BODY:  # in the middle of an answer
            body = document_of(error)
            self.transport.write(
                b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n%s"
                % (status, len(body), body)
            )
        self.transport.close()
