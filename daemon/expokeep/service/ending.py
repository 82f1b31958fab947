"""What is done when a session's directory is gone: its last version, and goodbye."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock
from expokeep.errors import Busy, NoSpace
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.service.board import Board, Line
from expokeep.service.room import Rooms
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.settings.policies import owner_of
from expokeep.settings.values import Settings
from expokeep.snapshot.capturing import Capturing
from expokeep.snapshot.final import Finisher
from expokeep.snapshot.life import TakenLife
from expokeep.snapshot.run import Snapshotter
from expokeep.snapshot.ship import ForeignDirectory
from expokeep.snapshot.values import this_moment
from expokeep.watch.values import SessionDirectory

log = get(__name__)

_AGAIN_S = 10.0
"""Between two tries to keep a last version that could not be kept at once."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Keeps last versions. The caller holds the lane of the session."""

    settings: Settings
    snapshotter: Snapshotter
    board: Board
    turnstile: Turnstile[SessionDirectory, SessionId]
    shipping: Shipping
    rooms: Rooms

    def adopt(self) -> None:
        """Plan the end of what was removed while no process of ours was there."""
        capturing = self.snapshotter.capturing
        if capturing is not None:
            for life in capturing.lives.left():
                log.info("session ended unseen", session=life.life.session)
                capturing.lives.adopt(life)
                self.turnstile.schedule(life.directory)

    def bury(self, session: SessionId) -> None:
        """Keep what the session's directories were that are gone, and forget them."""
        waits = self._keep_last(session)
        for line in self.board.take_ended(session):
            if line.directory in waits:
                self.board.give_back(line)
            else:
                self._forget(line.directory)
                self._tell(line)

    def _keep_last(self, session: SessionId) -> set[SessionDirectory]:
        """Seal last versions; return the directories for which that has to wait."""
        capturing = self.snapshotter.capturing
        if capturing is None or not capturing.lives.has_ended(session):
            return set()
        waits = set()
        for life in capturing.lives.take_over(session):
            try:
                _require_taken(capturing)
                self._seal(life)
            except (Busy, NoSpace, OSError) as error:
                capturing.lives.give_back(life)
                self._put_off(life, error)
                waits.add(life.directory)
            except BaseException:
                capturing.lives.give_back(life)
                raise
            else:
                if capturing.lives.bury(life):
                    self._forget(life.directory)
        return waits

    def _seal(self, life: TakenLife) -> None:
        path, sealed = Path(os.fsdecode(life.directory.path)), None
        owner = owner_of(self.settings, path)
        # Of a directory that is another user's, nothing is kept under this name.
        with contextlib.suppress(ForeignDirectory):
            sealed = Finisher(self.snapshotter, this_moment()).final(life, owner)
        if sealed is not None:
            session = life.life.session
            log.info("last version kept", session=session)
            self.shipping.sealed(sealed)
            self.rooms.sealed(session)

    def _put_off(self, life: TakenLife, error: Exception) -> None:
        """Try again later; until then it lies on disk, and would survive us."""
        session = life.life.session
        log.error("last version not kept yet", session=session, error=str(error))
        self.turnstile.schedule(life.directory, _AGAIN_S)

    def _forget(self, ended: SessionDirectory) -> None:
        self.snapshotter.memories.forget(
            ended.session,
            ended.device,
            ended.inode,
            is_needed=bool(self.shipping.spool.pending(ended.session)),
        )

    def _tell(self, line: Line) -> None:
        # The removal itself is a change, so this alone is no reason to worry.
        unsaved_s = 0.0
        if line.changed_at is not None:
            unsaved_s = round((clock.now() - line.changed_at).total_seconds(), 1)
        session = line.directory.session
        log.info("session ended", session=session, unsaved_s=unsaved_s)
        self.shipping.events.publish("session.ended", session, unsaved_s=unsaved_s)


def _require_taken(capturing: Capturing) -> None:
    """Check that all is copied of what was handed over; later there is no way to."""
    if not capturing.settle():
        raise Busy("what was captured is not all copied yet")
