"""The room for the spool: how much there is, and what is given up when there is little.

Never a snapshot: states in between go first, then the cache of restores, then restores.
What all of that does not mend is an error that an operator sees, and whoever could not
be captured is tried again the moment that there is room.
"""

import datetime
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from expokeep import clock
from expokeep.errors import ExpokeepError, NoSpace
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.restore.cache import RangeCache
from expokeep.service.board import Board, Line
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.settings.spool import Spool as Bounds
from expokeep.snapshot.fold import Folder, Pressure
from expokeep.spool.spool import SpoolFailing
from expokeep.watch.values import SessionDirectory

log = get(__name__)

State = Literal["ok", "low", "full", "failing"]
"""Of the spool: all is well; the reserve of its disk is begun; it is at its bound, or
there is no room for a snapshot; its disk takes nothing."""

_WORTH_A_TRY_BYTES = 256 * 1024
_WORTH_A_TRY_INODES = 8
_OVER_AT = 0.9
"""Of the bound: from there on it is over, or a spool at its bound would flicker."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much room there is."""

    used_bytes: int
    folds: int
    """Snapshots in the spool that stand for several."""
    free_bytes: int
    free_inodes: int
    """Zero where the file system counts none, as well."""
    refused: tuple[Line, ...]
    """Directories that are not captured, because the spool takes nothing."""

    @property
    def is_wanted(self) -> bool:
        """Whether some are not captured for want of room."""
        return any(isinstance(line.refused, NoSpace) for line in self.refused)


@dataclass(slots=True)
class Rooms:
    """Keeps an eye on the room. Safe from any thread."""

    bounds: Bounds
    board: Board
    savers: Turnstile[SessionDirectory, SessionId]
    shipping: Shipping
    folder: Folder
    cache: RangeCache
    state: State = "ok"
    since: datetime.datetime | None = None
    """When it was last ok."""
    is_bounded: bool = False
    """The bound was reached, and what was folded since still waits."""
    _failed_with: Room | None = None
    """The most that was free when a snapshot last failed for want of room."""
    _thinned: dict[tuple[SessionId, Pressure], list[Path]] = field(default_factory=dict)
    """What was left when a session was last folded: there is no more to be had."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> Room:
        """Return how much room there is now."""
        found, backlog = os.statvfs(self.bounds.path), self.folder.spool.backlog()
        return Room(
            used_bytes=backlog.disk_bytes,
            folds=backlog.folds,
            free_bytes=found.f_bavail * found.f_frsize,
            free_inodes=found.f_favail,
            refused=tuple(one for one in self.board.lines() if one.refused),
        )

    def act(self) -> None:
        """Look, say what is new, make room, and wake those who wait for it."""
        room = self.look()
        self._tell(room)
        if self.state != "ok":
            self._make_room(room)
            room = self.look()
        if room.is_wanted and self._has_come(room):
            for line in room.refused:
                self.savers.schedule(line.directory)

    def sealed(self, session: SessionId) -> None:
        """Fold what waits for a session that has just got more, at the bound."""
        for pressure in self._pressures(self.look()):
            self._thin(session, pressure)

    def refused(self, line: Line, error: NoSpace | SpoolFailing) -> None:
        """Note that a directory was not captured, because the spool took nothing."""
        if line.refused is None:
            line.refused_since = clock.now()
        line.refused = error
        with self._lock:
            self._failed_with = self.look()

    def _has_come(self, room: Room) -> bool:
        """Return whether there is more room than when it did not suffice."""
        with self._lock:
            before = self._failed_with
            more = before is not None and (
                room.free_bytes >= before.free_bytes + _WORTH_A_TRY_BYTES
                or room.free_inodes >= before.free_inodes + _WORTH_A_TRY_INODES
            )
            if more:
                self._failed_with = room
        return more

    def _pressures(self, room: Room) -> Iterator[Pressure]:
        """Yield how to fold; asks again after each, whether that was enough."""
        bounds = self.bounds
        is_over = room.used_bytes > bounds.max_size_bytes
        self.is_bounded |= is_over
        if is_over or room.free_bytes < bounds.min_free_bytes or room.is_wanted:
            yield "gentle"
            room = self.look()
        if room.used_bytes > bounds.max_size_bytes or room.is_wanted:
            yield "hard"

    def _make_room(self, room: Room) -> None:
        if room.free_bytes < self.bounds.min_free_bytes or room.is_wanted:
            self.cache.empty()
        spool = self.folder.spool
        for pressure in self._pressures(room):
            sessions = spool.sessions()
            sizes = {one: spool.backlog(one).disk_bytes for one in sessions}
            for session in sorted(sessions, key=lambda one: -sizes[one]):
                self._thin(session, pressure)

    def _thin(self, session: SessionId, pressure: Pressure) -> None:
        waiting = self._waiting(session)
        if len(waiting) < 2 or self._thinned.get((session, pressure)) == waiting:
            return
        try:
            for olds in self.folder.fold(session, pressure):
                self.shipping.folded(olds)
        except (ExpokeepError, OSError) as error:
            log.warning("spool not folded", session=session, error=str(error))
        self._thinned[session, pressure] = self._waiting(session)

    def _waiting(self, session: SessionId) -> list[Path]:
        return [entry.directory for entry in self.folder.spool.pending(session)]

    def _tell(self, room: Room) -> None:
        """Say once that there is little room, or none, and once that it is over."""
        before, self.state = self.state, self._judged(room)
        if self.state == before:
            return
        told = {
            "used_bytes": room.used_bytes,
            "free_bytes": room.free_bytes,
            "not_captured": len(room.refused),
        }
        if self.state == "failing":
            log.error("the spool cannot be written", **told)
        elif self.state == "full":
            log.error("the spool is full", **told)
        elif self.state == "low" and before == "ok":
            log.error("little room left for the spool", **told)
        elif self.state == "ok":
            log.info("room for the spool again", **told)
            self._thinned.clear()
        if self.state == "ok":
            self.since = None
        elif self.since is None:
            self.since = clock.now()

    def _judged(self, room: Room) -> State:
        bounds, was = self.bounds, self.state
        if not room.folds and room.used_bytes <= bounds.max_size_bytes * _OVER_AT:
            self.is_bounded = False
        least_bytes = bounds.min_free_bytes / (1.0 if was == "ok" else _OVER_AT)
        if room.refused and not room.is_wanted:
            return "failing"
        is_over = room.used_bytes > bounds.max_size_bytes
        if room.is_wanted or is_over or self.is_bounded:
            return "full"
        return "low" if room.free_bytes < least_bytes else "ok"
