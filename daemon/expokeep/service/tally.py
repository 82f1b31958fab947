"""Counts what is used, and tells the catalog when there is anything to tell.

What a killed process had not told is not counted: at most some seconds of work.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from expokeep.catalog.usage import Done, PostgresUsage, Requests
from expokeep.catalog.values import Host
from expokeep.errors import ExpokeepError
from expokeep.model.event import Event
from expokeep.store.usage import Usage


class Tally:
    """Listens to events, and reads the meter of the bucket. Safe from any thread."""

    def __init__(
        self, told: PostgresUsage, host: Host, meter: Callable[[], Usage | None]
    ) -> None:
        self._told = told
        self._host = host
        self._meter = meter
        self._telling = threading.Lock()
        self._lock = threading.Lock()
        self._seen = Requests()
        """What was told of the meter."""
        self._done: defaultdict[str, Done] = defaultdict(Done)

    def heard(self, event: Event) -> None:
        """Count an event, if it counts."""
        if event.session is None:
            return
        with self._lock:
            before = self._done.get(event.session, Done())
            if event.kind == "version.created":
                self._done[event.session] = replace(before, saves=before.saves + 1)
            elif event.kind == "restore.done":
                more = before.restores + 1
                self._done[event.session] = replace(before, restores=more)

    def tell(self) -> None:
        """Tell the catalog what was not told yet; nothing if there is nothing.

        Raises:
            BackendUnreachable: nobody answers; it is told another time.
        """
        with self._telling:
            asked = _requests(self._meter())
            news = _difference(asked, self._seen)
            with self._lock:
                done, self._done = self._done, defaultdict(Done)
            if news == Requests() and not done:
                return
            try:
                self._told.add(self._host, news, done)
            except ExpokeepError:
                self._put_back(done)
                raise
            self._seen = asked

    def _put_back(self, done: dict[str, Done]) -> None:
        with self._lock:
            for session, one in done.items():
                more = self._done[session]
                self._done[session] = Done(
                    one.saves + more.saves, one.restores + more.restores
                )


def _requests(usage: Usage | None) -> Requests:
    if usage is None:
        return Requests()
    free = sum(usage.requests.values()) - usage.class_a - usage.class_b
    return Requests(
        class_a=usage.class_a,
        class_b=usage.class_b,
        free=free,
        sent_bytes=usage.bytes_sent,
        received_bytes=usage.bytes_received,
    )


def _difference(now: Requests, before: Requests) -> Requests:
    return Requests(
        class_a=now.class_a - before.class_a,
        class_b=now.class_b - before.class_b,
        free=now.free - before.free,
        sent_bytes=now.sent_bytes - before.sent_bytes,
        received_bytes=now.received_bytes - before.received_bytes,
    )
