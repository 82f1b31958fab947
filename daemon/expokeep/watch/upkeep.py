"""What keeps the watch true between events: listings, walks, polls and doubts.

Runs on the reader's thread, as jobs. Marks the sessions that may have changed; telling
the sink of them is the watcher's affair.
"""

import os
from collections import Counter

from expokeep import log
from expokeep.model.names import for_terminal
from expokeep.watch.jobs import Jobs
from expokeep.watch.roster import Roster
from expokeep.watch.tree import WatchTree
from expokeep.watch.values import Assignment, Counters, WatchRoot
from expokeep.watch.watched import Watched

_PAUSE = 10
"""Of the time that the last walk took: those of one session leave others theirs."""

_LOOKS_S = 1.0
_MOST_LOOKS = 1_000
_MOST_LOOKS_AT_ONE = 200
"""Looks at names in roots, and at one of them, in so long."""
_STORM_EVENTS = 5_000
"""Of one session between two overflows; with fewer it is none that made them."""

_logger = log.get(__name__)


class Upkeep:
    """Plans and does what no event asks for. Not for several threads."""

    def __init__(
        self,
        assignment: Assignment,
        jobs: Jobs,
        roster: Roster,
        tree: WatchTree,
        counters: Counters,
    ) -> None:
        self._task = assignment
        self._timings = assignment.timings
        self._now_s = assignment.monotonic_s
        self._jobs = jobs
        self._roster = roster
        self._tree = tree
        self._counters = counters
        self._doubted_s = float("-inf")
        self._overflowed_s = float("-inf")
        self._looks: Counter[tuple[bytes, bytes]] = Counter()
        self._looks_since_s = float("-inf")
        self._doubt_pause_s = 0.0
        self.marked: dict[Watched, None] = {}
        """Sessions of which the sink is to hear, in the order of their marks."""

    def mark(self, watched: Watched) -> None:
        """Note that something below a session changed, or may have."""
        watched.dirty = True
        self.marked[watched] = None

    def list_all(self) -> None:
        """List every root now, and again every so often."""
        for root in self._task.roots:
            self.list(root)
        self._jobs.plan(self._now_s() + self._timings.listing_every_s, self.list_all)

    def list(self, root: WatchRoot) -> None:
        """List a root, and look at what is new in it when there is time."""
        for name in self._roster.names_to_look_at(root):
            self._jobs.put_off(self._roster.look, root, name)

    def list_soon(self, root: WatchRoot) -> None:
        """List a root because something happened to it."""
        self._jobs.plan(self._now_s(), self.list, root)

    def refresh_rules_soon(self, watched: Watched) -> None:
        """Ask for a session's rules again, and watch by them."""
        self._jobs.plan(self._now_s(), self._refresh_rules, watched)

    def rescan(self, path: bytes) -> None:
        """Walk the session whose directory has this path."""
        watched = self._roster.get(path)
        if watched is not None:
            self._walk(watched)
            return
        above, name = os.path.split(path)
        for root in self._task.roots:
            if root.path == above:
                self._roster.look(root, name)

    def doubt(self) -> None:
        """Suspect every session, at once or, if this repeats, after a growing pause."""
        self._jobs.plan(
            max(self._now_s(), self._doubted_s + self._doubt_pause_s), self._doubt_now
        )

    def may_look(self, root: WatchRoot, name: bytes) -> bool:
        """Return whether to look now at a name that has come or gone; or later.

        Whoever renames a session all the time is looked at once a second, and so is
        everything in a root where names come and go by the thousand.
        """
        now_s = self._now_s()
        if now_s - self._looks_since_s >= _LOOKS_S:
            self._looks.clear()
            self._looks_since_s = now_s
        if self._looks.total() >= _MOST_LOOKS:
            self._jobs.plan(now_s + _LOOKS_S, self.list, root)
            return False
        self._looks[root.path, name] += 1
        if self._looks[root.path, name] <= _MOST_LOOKS_AT_ONE:
            return True
        self._jobs.plan(now_s + _LOOKS_S, self._look_late, (root, name))
        return False

    def _look_late(self, where: tuple[WatchRoot, bytes]) -> None:
        self._roster.look(*where)

    def storms(self, watched: Watched) -> bool:
        """Let a session rest that had too many events lately; return whether it does.

        Nothing of it is watched then, so its events end at once, also those that are
        in the queue. It is polled instead, after a pause that grows.
        """
        now_s = self._now_s()
        if now_s - watched.spent_since_s > self._timings.storm_s:
            watched.spent, watched.spent_since_s = 0, now_s
            return False
        self._rest(watched)
        return True

    def overflowed(self) -> None:
        """Suspect every session; if this repeats, let the one rest that made it so.

        Where all cores are busy the kernel's queue runs over long before a session has
        had `max_events`.
        """
        now_s, roster = self._now_s(), list(self._roster)
        if now_s - self._overflowed_s < self._timings.storm_s:
            busiest = max(roster, key=lambda watched: watched.spent, default=None)
            total = sum(watched.spent for watched in roster)
            if busiest and busiest.spent > max(total / 2, _STORM_EVENTS):
                self._rest(busiest)
        for watched in roster:
            watched.spent, watched.spent_since_s = 0, now_s
        self._overflowed_s = now_s
        self.doubt()

    def _rest(self, watched: Watched) -> None:
        now_s, most_s = self._now_s(), self._timings.poll_most_s
        if now_s - watched.rests_until_s > 2 * most_s:
            watched.storms = 0
        pause_s = min(self._timings.poll_first_s * 2**watched.storms, most_s)
        watched.storms += 1
        watched.rests_until_s = now_s + pause_s
        self._tree.uproot(watched)
        self._tree.trouble(watched, "too many events")
        self.mark(watched)

    def plan_for_tree(self) -> None:
        """Plan what the tree found out and cannot do itself."""
        while self._tree.troubled:
            self._degrade(self._tree.troubled.pop())
        while self._tree.suspects:
            watched = self._tree.suspects.pop()
            self._jobs.plan(self._next_walk_s(watched), self._walk, watched)
        expiry_s = self._tree.next_expiry_s()
        if expiry_s is not None:
            self._jobs.plan(expiry_s, self._expire)

    def _next_walk_s(self, watched: Watched) -> float:
        pause_s, fair_s = self._timings.walk_pause_s, _PAUSE * watched.walk_took_s
        pause_s = min(pause_s, fair_s) if watched.is_astray else max(pause_s, fair_s)
        return max(self._now_s(), watched.walked_s + pause_s)

    def _expire(self) -> None:
        self._tree.expire(self._now_s())

    def _refresh_rules(self, watched: Watched) -> None:
        if watched in self._roster:
            self._roster.refresh_rules(watched)
            self._walk(watched)

    def _walk(self, watched: Watched) -> None:
        if watched not in self._roster:
            return
        if self._now_s() < watched.rests_until_s:
            self._jobs.plan(watched.rests_until_s, self._poll, watched)
            return
        watched.walked_s = self._now_s()
        if self._roster.walk(watched):
            # What is new to us was changed by somebody, and we have no event of it.
            self.mark(watched)
        watched.is_astray = False
        watched.walk_took_s = self._now_s() - watched.walked_s
        if watched.degraded and not watched.trouble:
            watched.degraded = ""
            self.mark(watched)
            _logger.info("session watched again", path=_shown(watched))

    def _degrade(self, watched: Watched) -> None:
        if watched not in self._roster or not watched.trouble:
            return
        if not watched.degraded:
            rest_s = watched.rests_until_s - self._now_s()
            watched.poll_pause_s = max(self._timings.poll_first_s, rest_s)
            _logger.warning(
                "session cannot be watched completely, polled",
                path=_shown(watched),
                reason=watched.trouble,
            )
        watched.degraded = watched.trouble
        self._jobs.plan(self._now_s() + watched.poll_pause_s, self._poll, watched)

    def _poll(self, watched: Watched) -> None:
        if watched not in self._roster or not watched.degraded:
            return
        watched.poll_pause_s = min(2 * watched.poll_pause_s, self._timings.poll_most_s)
        self.mark(watched)
        self._walk(watched)

    def _doubt_now(self) -> None:
        now_s, timings = self._now_s(), self._timings
        is_again = now_s < self._doubted_s + 2 * timings.doubt_most_s
        self._doubt_pause_s = (
            min(2 * self._doubt_pause_s, timings.doubt_most_s)
            if is_again
            else timings.doubt_first_s
        )
        self._doubted_s = now_s
        _logger.warning(
            "events were lost, every session is suspect",
            sessions=len(self._roster),
            overflows=self._counters.overflows,
            errors=self._counters.errors,
        )
        for root in self._task.roots:
            self.list_soon(root)
        # Where something was going on, something was lost more likely.
        for watched in sorted(self._roster, key=lambda watched: not watched.dirty):
            watched.dirty = False
            self._jobs.put_off(self._walk, watched)
        self._task.sink.doubted()


def _shown(watched: Watched) -> str:
    return for_terminal(watched.directory.path)
