"""The public face of the watch: starts it, proves that it is alive, replaces it.

Two threads, whatever the number of sessions: the reader, which owns all state, and the
keeper, which sends a cookie now and then and builds a new reader if it does not arrive.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from expokeep import log
from expokeep.errors import WatchUnavailable
from expokeep.watch.cookies import Cookies
from expokeep.watch.inotify import Reader
from expokeep.watch.opening import GONE, errno_name
from expokeep.watch.values import Assignment, Counters, SessionDirectory, WatchStats
from expokeep.watch.watcher import Watcher

_COOKIE_AGAIN_S = 1.0
"""A cookie may be lost in an overflow, or with the reader that it was sent to."""

_JOIN_WITHIN_S = 5.0
_REBUILD_PAUSE_MOST_S = 60.0

_logger = log.get(__name__)


class Observer:
    """Watches session directories and tells a sink; a context manager.

    On entry it looks at everything that is there, and returns when the sink was told
    of every session. On exit nothing is told any more.
    """

    _reader: Reader
    _watcher: Watcher

    def __init__(self, assignment: Assignment, private_dir: Path) -> None:
        self._task = assignment
        self._timings = assignment.timings
        self._cookies = Cookies(private_dir)
        self._counters = Counters()
        self._seen_s = float("-inf")
        self._cookies_fail = False
        self._disk_fails = False
        """Then nothing is proved against the reader, and no restart would mend it."""
        self._stop = threading.Event()
        self._reader_ended = threading.Event()
        self._keeper = threading.Thread(
            target=self._keep, name="watch-keeper", daemon=True
        )

    def __enter__(self) -> Self:
        """Start to watch.

        Raises:
            WatchUnavailable: the kernel has no instance or no watch left.
            OSError: the private directory cannot be used.
        """
        self._cookies.prepare()
        watcher = self._build(expected=None)
        if not watcher.ready.wait(self._timings.start_within_s):
            self.__exit__()
            raise WatchUnavailable("the first look at all sessions did not end")
        self._seen_s = self._task.monotonic_s()
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._reader_ended.set()
        if self._keeper.is_alive():
            self._keeper.join(_JOIN_WITHIN_S)
        self._reader.stop()
        self._reader.join(_JOIN_WITHIN_S)
        self._watcher.close()

    def barrier(self, timeout_s: float) -> bool:
        """Wait until all that happened before was told; return whether it was.

        Not for the reader's thread, that is not from within the sink.
        """
        now_s = self._task.monotonic_s
        deadline_s = now_s() + timeout_s
        while (left_s := deadline_s - now_s()) > 0:
            try:
                number = self._cookies.send()
            except OSError as error:
                if not self._cookies_fail:
                    reason = errno_name(error)
                    _logger.error(  # noqa: TRY400 - the reason says it all
                        "cookie not sent", reason=reason
                    )
                self._cookies_fail = True
                self._disk_fails = error.errno not in GONE
                return False
            self._cookies_fail = self._disk_fails = False
            if self._cookies.wait_for(number, min(left_s, _COOKIE_AGAIN_S)):
                self._seen_s = now_s()
                return True
        return False

    def alive(self) -> bool:
        """Return whether the reader proved, not long ago, that it makes progress."""
        patience_s = 2 * (self._timings.cookie_every_s + self._timings.cookie_within_s)
        is_proved = self._task.monotonic_s() - self._seen_s < patience_s
        return self._reader.is_alive() and (is_proved or self._disk_fails)

    def proof_age_s(self) -> float:
        """Return how long ago it was proved that all events up to then were read."""
        return self._task.monotonic_s() - self._seen_s

    def rescan(self, directory: SessionDirectory) -> None:
        """Have missing watches of a session placed again; `barrier` waits for it."""
        self._watcher.rescan(directory.path)

    def directories(self) -> Sequence[SessionDirectory]:
        """Return the sessions that are known now."""
        return self._watcher.directories()

    def stats(self) -> WatchStats:
        """Return how the watch is doing."""
        return self._watcher.stats()

    def _build(self, expected: Sequence[SessionDirectory] | None) -> Watcher:
        reader = Reader()
        watcher = Watcher(self._task, reader, self._cookies, self._counters, expected)
        try:
            watcher.prepare()
        except OSError as error:
            reader.discard()
            raise WatchUnavailable(f"cannot watch: {error}") from error
        # Before the first word to the sink, which may ask for more.
        self._reader, self._watcher = reader, watcher
        reader.attend(watcher, self._reader_ended.set)
        return watcher

    def _keep(self) -> None:
        """Prove now and then that the reader lives; build another if it does not."""
        pause_s = self._timings.doubt_first_s
        while not self._stop.is_set():
            self._reader_ended.wait(self._timings.cookie_every_s)
            self._reader_ended.clear()
            if self._stop.is_set() or self._is_healthy():
                pause_s = self._timings.doubt_first_s
                continue
            self._rebuild()
            # A reader that hangs in the sink leaves its thread behind: not too many.
            self._stop.wait(pause_s)
            pause_s = min(2 * pause_s, self._timings.doubt_most_s)

    def _is_healthy(self) -> bool:
        if not self._reader.is_alive():
            return False
        # Where no cookie can be written, nothing is proved about the reader.
        return self.barrier(self._timings.cookie_within_s) or self._cookies_fail

    def _rebuild(self) -> None:
        self._counters.rebuilds += 1
        _logger.error(
            "reader does not answer, replaced", rebuilds=self._counters.rebuilds
        )
        self._reader.stop()
        if not self._reader.is_alive():
            self._watcher.close()
        try:
            self._build(self.directories())
        except (WatchUnavailable, OSError):
            _logger.exception("reader not replaced")
