"""What a worker does with a directory that has settled: snapshot, and hand on."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass

from expokeep import clock
from expokeep.concealing import concealed
from expokeep.errors import Busy, ExpokeepError, NoSpace, NotFound
from expokeep.log import get
from expokeep.model.names import SessionId, for_terminal
from expokeep.service.board import Board, Line
from expokeep.service.ending import Ending
from expokeep.service.excess import Excess
from expokeep.service.room import Rooms
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.settings.policies import owner_of
from expokeep.settings.values import Settings
from expokeep.snapshot.bounding import BuildTooBig
from expokeep.snapshot.outcome import Outcome
from expokeep.snapshot.run import Snapshotter
from expokeep.snapshot.ship import ForeignDirectory
from expokeep.snapshot.values import Request, this_moment
from expokeep.spool.spool import SpoolFailing
from expokeep.store.retrying import RetryPolicy
from expokeep.watch.values import SessionDirectory

log = get(__name__)

_PATIENCE = RetryPolicy(first_s=2.0, most_s=60.0)
"""Between two tries at a session whose snapshot failed."""
_WALK_EVERY_S = 3600.0
"""Between two walks of one session in search of watches that are missing."""


@dataclass(frozen=True, slots=True)
class Saving:
    """Takes the snapshots that are due."""

    settings: Settings
    snapshotter: Snapshotter
    board: Board
    turnstile: Turnstile[SessionDirectory, SessionId]
    shipping: Shipping
    rooms: Rooms
    walk: Callable[[SessionDirectory], None]
    """Has missing watches placed again."""

    @property
    def excess(self) -> Excess:
        """What is told of builds that are too big."""
        return Excess(self.shipping.events)

    @property
    def ending(self) -> Ending:
        """What is done with directories that are gone."""
        return Ending(
            self.settings,
            self.snapshotter,
            self.board,
            self.turnstile,
            self.shipping,
            self.rooms,
        )

    def handle(self, directory: SessionDirectory) -> None:
        """Snapshot a directory because it has settled, or because it is time."""
        self.ending.bury(directory.session)
        line = self.board.line(directory.path)
        if line is not None and line.directory == directory:
            self._walk_now_and_then(line)
            self.snapshot(line, self._request(line))

    def catch_up(self, session: SessionId, within_s: float) -> None:
        """Capture what has changed of a session by now, as if it had settled.

        Nothing comes of it if somebody is at it for longer than `within_s`.
        """
        with contextlib.suppress(Busy), self.turnstile.alone(session, within_s):
            self.ending.bury(session)
            for line in self.board.lines(session):
                if line.changed_at is not None:
                    self.snapshot(line, self._request(line))

    def snapshot(self, line: Line, request: Request) -> Outcome | None:
        """Snapshot a directory whose lane the caller holds; None if that failed.

        A failure is noted on the board and tried again later.
        """
        changed_at, line.is_taken = line.changed_at, True
        # In this order: to whoever looks meanwhile, it is never safe before it is.
        line.taking_since, line.changed_at = changed_at, None
        try:
            outcome = self.snapshotter.snapshot(request, this_moment())
        except NotFound:
            # It is gone, or another directory has its name: the observer tells us.
            return None
        except (ExpokeepError, OSError) as error:
            self.shipping.counts.add("captures_total", request.trigger, "failed")
            self._failed(line, error)
            # Of a directory that is another user's nothing is unsaved: whoever squats
            # must not have others wait for it, nor an operator be called.
            if not isinstance(error, ForeignDirectory):
                line.changed_at = changed_at or line.changed_at
            return None
        except Exception as error:
            # A fault of ours, which the worker logs in full and tries again.
            line.last_error = concealed(f"a fault in expokeep: {error!r}")
            line.changed_at = changed_at or line.changed_at
            self.shipping.counts.add("captures_total", request.trigger, "failed")
            raise
        finally:
            line.is_taken, line.taking_since = False, None
        self._note(line, outcome)
        if outcome.sealed is None:
            self.shipping.counts.add("captures_total", request.trigger, "unchanged")
        else:
            self.shipping.counts.took("capture_duration_seconds", outcome.took_s)
        return outcome

    def _request(self, line: Line) -> Request:
        owner = owner_of(self.settings, line.path)
        return Request(line.directory.session, line.path, owner=owner)

    def _note(self, line: Line, outcome: Outcome) -> None:
        directory = line.directory
        line.last_error, line.failures = None, 0
        line.refused, line.refused_since, line.too_big = None, None, None
        self.excess.looked(directory.session, outcome.skipped, line.skipped)
        if outcome.skipped != line.skipped:
            for skipped, reason in list(outcome.skipped.items())[:20]:
                if line.skipped.get(skipped) != reason:
                    log.warning(
                        "file left out",
                        session=line.directory.session,
                        path=for_terminal(skipped),
                        why=reason,
                    )
        line.skipped, line.excluded_count = outcome.skipped, outcome.excluded_count
        if outcome.sealed is not None:
            self.shipping.sealed(outcome.sealed)
            self.rooms.sealed(directory.session)
        if "kept changing" in outcome.skipped.values():
            self.turnstile.schedule(directory, self.settings.debounce.max_wait_s)
        if outcome.wake_in_s is not None:
            self.turnstile.schedule(directory, outcome.wake_in_s)
        self.turnstile.schedule(directory, self.settings.reconcile_interval_s)

    def _failed(self, line: Line, error: Exception) -> None:
        line.failures += 1
        line.last_error = str(error)
        say, delay_s = log.error, None
        if isinstance(error, BuildTooBig):
            say = log.warning if line.too_big is None else log.debug
            self.excess.rejected(line, error)
            delay_s = self.settings.reconcile_interval_s  # a change brings us earlier
        if isinstance(error, ForeignDirectory):
            say = log.warning if line.failures == 1 else log.debug
            delay_s = self.settings.reconcile_interval_s
        if isinstance(error, NoSpace | SpoolFailing):
            self.rooms.refused(line, error)
            say = log.debug  # `Rooms` tells of it once, and not for each directory
        say(
            "snapshot failed",
            session=line.directory.session,
            error=str(error),
            tries=line.failures,
        )
        if delay_s is None:
            # Spread: all that failed together would be in each other's way again.
            delay_s = _PATIENCE.delay_s(line.failures, random.random())  # noqa: S311 - a pause
        self.turnstile.schedule(line.directory, delay_s)

    def _walk_now_and_then(self, line: Line) -> None:
        """Look for watches that are missing, though nothing says that any are."""
        now_s = clock.monotonic_s()
        if now_s - line.walked_s > _WALK_EVERY_S:
            if line.walked_s:
                self.walk(line.directory)
            line.walked_s = now_s
