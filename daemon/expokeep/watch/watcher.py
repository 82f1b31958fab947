"""What happens on the reader's thread: event in, sessions marked, sink told.

Events of one read are collected, so that a burst of thousands is one `changed`. What
was read before a cookie has been told when the cookie counts as seen.
"""

import functools
import os
import threading
from collections.abc import Iterable

from expokeep import log
from expokeep.watch import inotify
from expokeep.watch.cookies import Cookies
from expokeep.watch.jobs import Job, Jobs
from expokeep.watch.pinning import Pinning
from expokeep.watch.roster import Roster
from expokeep.watch.tree import WatchTree
from expokeep.watch.upkeep import Upkeep
from expokeep.watch.values import Assignment, Counters, SessionDirectory, WatchStats
from expokeep.watch.watched import Node, Watched, below

_LOG_EVERY_S = 10.0

_logger = log.get(__name__)


class Watcher:
    """Serves one reader: an `inotify.Listener`.

    `expected` is what an earlier watcher knew, if there was one: then events were lost.
    All runs on the reader's thread, but for `rescan`, `stats` and `directories`.
    """

    def __init__(
        self,
        assignment: Assignment,
        reader: inotify.Reader,
        cookies: Cookies,
        counters: Counters,
        expected: Iterable[SessionDirectory] | None,
    ) -> None:
        self._task = assignment
        self._reader = reader
        self._cookies = cookies
        self._counters = counters
        self._jobs = Jobs(assignment.monotonic_s)
        self._pinning = _pinning(assignment, reader, self._jobs)
        self._tree = WatchTree(
            reader,
            park_s=assignment.timings.park_s,
            max_watches=assignment.max_watches,
            monotonic_s=assignment.monotonic_s,
            onlooker=self._pinning,
        )
        self._roster = Roster(
            assignment, reader, self._tree, expected or (), self._pinning
        )
        self._upkeep = Upkeep(
            assignment, self._jobs, self._roster, self._tree, counters
        )
        self._cookie_wd = 0
        self._cookie = b""
        self._logged_s = float("-inf")
        self._is_second = expected is not None
        self.ready = threading.Event()
        """Set when everything that was there at the start has been looked at."""

    def prepare(self) -> None:
        """Place the watch that all else depends on, and plan the first look.

        Raises:
            OSError: there is no watch left, or no /proc.
        """
        fd = self._cookies.open()
        try:
            self._cookie_wd = self._reader.watch(fd, inotify.COOKIE_MASK)
        finally:
            os.close(fd)
        self._jobs.ask(self._first_look)

    def rescan(self, path: bytes) -> None:
        """Have a session walked, from any thread; a barrier tells when it is done."""
        self._jobs.ask(self._upkeep.rescan, path)
        self._reader.wake()

    def directories(self) -> list[SessionDirectory]:
        """Return the sessions that are known now."""
        return [watched.directory for watched in self._roster]

    def stats(self) -> WatchStats:
        """Return how the watch is doing."""
        return WatchStats(
            watches=len(self._tree),
            sessions=len(self._roster),
            degraded=tuple(
                (watched.directory, watched.degraded)
                for watched in self._roster
                if watched.degraded
            ),
            unwatched_roots=tuple(self._roster.unwatched_roots),
            invalid_names=tuple(self._roster.invalid_paths),
            overflows=self._counters.overflows,
            errors=self._counters.errors,
            rebuilds=self._counters.rebuilds,
        )

    def on_event(self, wd: int, mask: int, cookie: int, name: bytes) -> None:
        """Take one event. The order of questions is the order of how often."""
        node = self._tree.node(wd)
        if node is not None:
            watched = node.watched
            watched.spent += 1
            if watched.spent > self._task.max_events and self._upkeep.storms(watched):
                return
            if name and mask & inotify.IS_DIRECTORY:
                self._on_directory(node, mask, cookie, name)
            elif name:
                self._on_file(node, mask, cookie, name)
            else:
                self._on_self(node, mask)
        elif wd == self._cookie_wd:
            self._cookie = name
        else:
            self._on_root(wd, mask, name)

    def close(self) -> None:
        """Let go of what is open, once the reader has ended."""
        if self._pinning is not None:
            self._pinning.rest()

    def on_overflow(self) -> None:
        """The kernel dropped events."""
        self._counters.overflows += 1
        self._upkeep.overflowed()

    def on_error(self, error: Exception) -> None:
        """Something of ours, or of the sink's, went wrong."""
        self._counters.errors += 1
        now_s = self._task.monotonic_s()
        if now_s >= self._logged_s + _LOG_EVERY_S:
            self._logged_s = now_s
            _logger.error(
                "event not handled", errors=self._counters.errors, exc_info=error
            )
        self._upkeep.doubt()

    def idle_s(self) -> float | None:
        """Return how long there is nothing to do."""
        return self._jobs.begin_turn()

    def next_job(self) -> Job | None:
        """Return what is to be done before events are read again."""
        if self._pinning is not None:
            self._pinning.turned()
        self._upkeep.plan_for_tree()
        if job := self._jobs.next():
            return job
        if self._upkeep.marked:
            return self._tell_changed
        if self._cookie:
            cookie, self._cookie = self._cookie, b""
            return functools.partial(self._cookies.saw, cookie)
        return None

    def _first_look(self) -> None:
        if self._is_second:
            self._upkeep.doubt()
        self._upkeep.list_all()
        self._jobs.put_off(self._roster.end_expected)
        self._jobs.put_off(self._looked)

    def _looked(self) -> None:
        if self._pinning is not None:
            self._pinning.takes_found = True
        self.ready.set()

    def _on_directory(self, node: Node, mask: int, cookie: int, name: bytes) -> None:
        if self._pinning is not None:
            self._pinning.directory(node, mask, cookie, name)
        child = node.children.get(name)
        if mask & inotify.DELETED:
            if child is not None:
                self._tree.cut(child)
        else:
            # Also for an attribute: it may be ours to read by now, or no longer.
            self._tree.look(node, name, cookie)
            if self._pinning is not None and mask & inotify.MOVED_IN:
                self._pinning.followed(node, name, child)
        self._mark(node, name, is_directory=True)

    def _on_file(self, node: Node, mask: int, cookie: int, name: bytes) -> None:
        if self._pinning is not None:
            self._pinning.file(node, mask, cookie, name)
        if name == self._task.ignore_file and node is node.watched.root:
            self._upkeep.refresh_rules_soon(node.watched)
        self._mark(node, name, is_directory=False)

    def _on_self(self, node: Node, mask: int) -> None:
        watched = node.watched
        if mask & inotify.UNWATCHED:
            if node is watched.root:
                self._roster.lost_root(watched)
            else:
                self._tree.cut(node)
        elif mask & inotify.SELF_GONE:
            _, name = os.path.split(watched.directory.path)
            root = watched.found_in
            if node is watched.root and self._upkeep.may_look(root, name):
                self._roster.look_again(watched)
        else:
            self._mark(node, b"", is_directory=True)

    def _on_root(self, wd: int, mask: int, name: bytes) -> None:
        root = self._roster.root(wd)
        if root is None:
            return  # a watch that we ended, with events of it still in the queue
        if not name:
            self._upkeep.list_soon(root)
            return
        is_session = mask & inotify.IS_DIRECTORY and root.matches(name)
        if is_session and self._upkeep.may_look(root, name):
            self._roster.look(root, name)

    def _mark(self, node: Node, name: bytes, *, is_directory: bool) -> None:
        watched = node.watched
        if watched in self._upkeep.marked:
            return
        path = node.path()
        if path is None:
            return  # below a directory that moved out: no longer the session's affair
        if name and watched.excludes(below(path, name), is_directory=is_directory):
            return
        self._upkeep.mark(watched)

    def _tell_changed(self) -> None:
        watched: Watched = next(iter(self._upkeep.marked))
        # First, so that a sink which raises is not asked for the same for ever.
        del self._upkeep.marked[watched]
        if watched in self._roster:
            self._task.sink.changed(watched.directory)


def _pinning(
    assignment: Assignment, reader: inotify.Reader, jobs: Jobs
) -> Pinning | None:
    if assignment.capture is None:
        return None
    return Pinning(assignment.capture, reader, jobs.plan, assignment.monotonic_s)
