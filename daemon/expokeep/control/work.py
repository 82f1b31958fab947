"""Blocking work of one request, a step at a time, in threads.

A step that has begun cannot be interrupted: whoever asked may leave, the seat of the
request is kept until its last step is over.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeVar

from expokeep.control.guests import Guests
from expokeep.control.peer import Peer

Result = TypeVar("Result")
Item = TypeVar("Item")


class Work:
    """A seat among the requests that are worked on."""

    def __init__(self, pool: ThreadPoolExecutor, guests: Guests, peer: Peer) -> None:
        self._pool = pool
        self._guests = guests
        self._peer = peer
        self._last: Future[Any] | None = None

    def __enter__(self) -> Self:
        """Take a seat.

        Raises:
            Busy: all are taken.
        """
        self._guests.enter(self._peer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._last is None:
            self._guests.leave(self._peer)
        else:
            self._last.add_done_callback(lambda _: self._guests.leave(self._peer))

    def do(
        self, function: Callable[..., Result], *arguments: Any
    ) -> asyncio.Future[Result]:
        """Run one step in a thread; steps of one request do not overlap."""
        self._last = self._pool.submit(function, *arguments)
        return asyncio.wrap_future(self._last)


class Steps:
    """An iterator whose every step is work. Closed by a last one, whatever happens."""

    END: Any = object()

    def __init__(self, work: Work, items: Iterator[Any]) -> None:
        self._work = work
        self._items = items
        self._lock = Lock()

    def following(self) -> asyncio.Future[Any]:
        """Ask for the next item, or `END`."""
        item = self._work.do(self._advance)
        # Nobody may be left to hear of its failure; then it is no news.
        item.add_done_callback(lambda done: done.cancelled() or done.exception())
        return item

    def close(self) -> None:
        """Let the iterator release what it holds, once a step under way is over."""
        self._work.do(self._close)

    def _advance(self) -> Any:
        with self._lock:
            return next(self._items, self.END)

    def _close(self) -> None:
        with self._lock:
            if (close := getattr(self._items, "close", None)) is not None:
                close()
