"""The parts of a running daemon, and whether they are well."""

import contextlib
import datetime
import threading
from dataclasses import dataclass, field
from pathlib import Path

from expokeep import clock
from expokeep.errors import BackendUnreachable, ExpokeepError
from expokeep.fork.run import Forker
from expokeep.fork.under_way import UnderWay
from expokeep.model.names import SessionId
from expokeep.restore.ahead import AWAY, whose
from expokeep.service.board import Board
from expokeep.service.events import Events
from expokeep.service.forked import forker_of
from expokeep.service.maintenance import Maintenance
from expokeep.service.monitoring.counts import Counts
from expokeep.service.monitoring.pulse import Pulse
from expokeep.service.progress import Progresses
from expokeep.service.room import Rooms
from expokeep.service.saving import Saving
from expokeep.service.shipping import Shipping
from expokeep.service.tally import Tally
from expokeep.service.telling import Telling
from expokeep.service.workers import Workers
from expokeep.settings.values import Settings
from expokeep.watch.observer import Observer
from expokeep.watch.values import SessionDirectory
from expokeep.wiring import Engine


@dataclass(slots=True)
class Parts:
    """Everything that runs."""

    settings: Settings
    engine: Engine
    board: Board
    observer: Observer
    saving: Saving
    rooms: Rooms
    shipping: Shipping
    savers: Workers[SessionDirectory, SessionId]
    shippers: Workers[SessionId, SessionId]
    progresses: Progresses
    forks: UnderWay = field(default_factory=UnderWay)
    """What is made of what is kept, right now."""
    catalog_error: ExpokeepError | None = None
    """The failure of the last heartbeat, if it failed."""
    catalog_heard_at: datetime.datetime | None = None
    """When one was last answered."""
    is_drained: bool = False
    """For maintenance: nothing is shipped, and no lease is held."""
    lease: threading.Lock = field(default_factory=threading.Lock)
    """Held by who looks at `is_drained` to begin a lease, or ends one."""
    events: Events = field(default_factory=Events)
    """What happened lately; also the shipping's."""
    pulse: Pulse = field(default_factory=Pulse)
    config_read_at: datetime.datetime = field(default_factory=clock.now)
    """When the settings were read that hold now."""
    is_config_good: bool = True
    """Whether what is in the file now could be read, when that was last tried."""
    page_error: ExpokeepError | None = None
    """Why nobody can look at `addr`, if nobody can."""
    heartbeat_trouble: str | None = None
    """Why the last heartbeat was not sent or not taken, if it was not."""
    maintenance: Maintenance | None = None
    """None where no database is configured."""
    telling: Telling | None = None
    """As well."""
    tally: Tally | None = None
    """As well."""

    @property
    def counts(self) -> Counts:
        """What is counted of this process; also the shipping's."""
        return self.shipping.counts

    @property
    def forker(self) -> Forker:
        """What makes versions of what is kept already."""
        return forker_of(self.engine, self.shipping, self.forks)

    def is_well(self) -> bool:
        """Ask every part whether it makes progress."""
        return (
            self.observer.alive()
            and self.savers.alive()
            and self.shippers.alive()
            and max(self.savers.stuck_s(), self.shippers.stuck_s())
            < self.settings.hung_after_s
        )

    def summary(self) -> str:
        """Return one line for systemd's status."""
        backlog = self.engine.spool.backlog()
        oldest = min(
            [at for line in self.board.lines() if (at := line.unsaved_since)]
            + ([backlog.oldest_at] if backlog.oldest_at else []),
            default=None,
        )
        age = f"{(clock.now() - oldest).total_seconds():.0f} s" if oldest else "none"
        return (
            f"{len(self.board.lines())} sessions, {backlog.entries} in the spool, "
            f"oldest unsaved change: {age}"
            + (f", spool {self.rooms.state}" if self.rooms.state != "ok" else "")
        )

    def home(self, session: SessionId) -> Path:
        """Return where a session lives on this host, or would live."""
        line = self.board.main_line(session)
        if line is not None:
            return line.path
        return self.settings.watch[0].dir / f"expo-{session}"

    def kept_uid_of(self, session: SessionId) -> int | None:
        """Return whose a session is of which something is kept, by its whole name.

        Raises:
            ExpokeepError: the catalog does not say, and this host does not know it.
        """
        shelf, spool = self.engine.snapshotter.memories.shelf, self.engine.spool
        known_uid = whose(session, shelf, spool)
        if self.catalog_error is not None and known_uid is not None:
            return known_uid
        try:
            # A deleted one too: whose it is may be told what became of it.
            catalog = self.engine.backends.catalog
            row = catalog.session(session, deleted_too=True)
        except AWAY:
            if known_uid is None:
                raise
            return known_uid
        return None if row is None else row.root_uid

    def owner_of(self, session: SessionId) -> str | None:
        """Return which user owns a session, by its whole name; a deleted one too.

        Raises:
            ExpokeepError: the catalog does not say. Nobody else knows.
        """
        if self.catalog_error is not None:
            raise BackendUnreachable("nobody can tell whose sessions are")
        row = self.engine.backends.catalog.session(session, deleted_too=True)
        return None if row is None else row.owner

    def uid_of(self, session: SessionId) -> int | None:
        """Return whose a session is: by the catalog, or by its directory."""
        try:
            kept_uid = self.kept_uid_of(session)
        except ExpokeepError:
            kept_uid = None
        if kept_uid is not None:
            return kept_uid
        line = self.board.main_line(session)
        return line.directory.uid if line else None

    def drain(self, timeout_s: float) -> bool:
        """Keep and ship all that is unsaved; return whether everything is recorded."""
        deadline_s = clock.monotonic_s() + timeout_s
        for line in self.board.lines():
            if line.changed_at is not None:
                self.saving.turnstile.schedule(line.directory)
        if not self.saving.turnstile.wait_idle(timeout_s):
            return False
        self.shipping.hurry()
        left_s = max(0.0, deadline_s - clock.monotonic_s())
        return self.shipping.wait_empty(None, left_s)

    def go_on(self) -> None:
        """End a drain: ship again, and hold what is ours."""
        self.is_drained = False
        self.shipping.resume(None)

    def say_goodbye(self) -> None:
        """Tell other hosts what stays here; what fails is told by the next start."""
        if self.telling is not None and self.catalog_error is None:
            with contextlib.suppress(ExpokeepError):
                self.telling.tell_ends()
                self.telling.tell_held(waiting_s=0.0)
        if self.tally is not None and self.catalog_error is None:
            with contextlib.suppress(ExpokeepError):
                self.tally.tell()

    def is_stuck(self) -> bool:
        """Return whether all is captured, and no waiting would bring it further."""
        captured = not any(line.is_unsaved for line in self.board.lines())
        return captured and self.shipping.is_stuck()
