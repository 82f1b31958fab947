"""The chores of exports: what is over goes, and the application's archives follow."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from expokeep import clock, wiring
from expokeep.errors import NotFound, Parked
from expokeep.log import get
from expokeep.model.event import Event
from expokeep.model.names import SessionId
from expokeep.service.events import Events
from expokeep.service.exporting import compat_wanted
from expokeep.service.maintenance import Chore, Stop
from expokeep.wiring import Engine, Exporting

log = get(__name__)

EXPORTS_EVERY_S = 600.0
COMPAT_EVERY_S = 5.0
LOOK_ANYWAY_S = 600.0
"""Other hosts record, too, and tell us nothing."""
_MOVES = frozenset({"version.created", "version.accepted", "session.undeleted"})
_MOST_SESSIONS = 100_000


def export_chores(engine: Engine, events: Events) -> tuple[Chore, ...]:
    """Return what is done for exports."""
    act = Act(engine)
    events.subscribe(act.hear)
    chores = [Chore("exports", EXPORTS_EVERY_S, act.collect)]
    if engine.settings.compat_archive == "always":
        compat = Chore(
            "compat-archive",
            COMPAT_EVERY_S,
            act.follow,
            first_after_s=0.0,
            may_be_due=act.may_follow,
        )
        chores.append(compat)
    return tuple(chores)


@dataclass(slots=True)
class Act:
    """Does what is due."""

    engine: Engine
    _exporting: Exporting | None = None
    _heads: dict[SessionId, int] = field(default_factory=dict)
    """Of which version the archive of a session is, as far as we made it."""
    _looked_at_s: float | None = None
    _moved: threading.Event = field(default_factory=threading.Event)

    def hear(self, event: Event) -> None:
        """Learn that a head may have moved here."""
        if event.kind in _MOVES:
            self._moved.set()

    def collect(self, _stop: Stop) -> bool:
        """Delete links that are over, and what is public of deleted sessions."""
        exporter = self._made().exporter
        if over := exporter.ended():
            self.engine.backends.store.delete(over)
            log.info("exports ended", count=len(over))
        published = exporter.published()
        archives = []
        if self.engine.settings.compat_archive != "off":
            archives = exporter.compat_sessions()
        if published or archives:
            # An older catalog knows of no deletion, and of no session made since.
            wiring.generation_guard(
                self.engine.settings, self.engine.backends
            ).require()
        is_there = self._kept({one.session for one in published}, deleted_too=False)
        if gone := [one for one in published if one.session not in is_there]:
            exporter.withdraw(gone)
            log.info("public exports withdrawn", count=len(gone))
        is_kept = self._kept(set(archives), deleted_too=True)
        for session in (one for one in archives if one not in is_kept):
            if exporter.drop_compat(session):
                log.info("archive of a purged session deleted", session=session)
        return False

    def _kept(
        self, asked: Collection[SessionId], *, deleted_too: bool
    ) -> set[SessionId]:
        """Return which of these are kept: a purged one may leave a row behind."""
        catalog = self.engine.backends.catalog
        rows = [catalog.session(one, deleted_too=deleted_too) for one in asked]
        return {row.session for row in rows if row and row.head_seq is not None}

    def follow(self, stop: Stop) -> bool:
        """Make the application's archives of all heads that moved."""
        self._looked_at_s = clock.monotonic_s()
        self._moved.clear()
        exporting = self._made()
        for row in self.engine.backends.catalog.sessions(limit=_MOST_SESSIONS):
            if stop():
                return True
            head = row.head_seq
            if head is None or self._heads.get(row.session) == head:
                continue
            try:
                exporting.exporter.compat(compat_wanted(exporting.source, row.session))
            except (NotFound, Parked):
                continue  # it went away, or was parked, meanwhile
            self._heads[row.session] = head
        return False

    def may_follow(self) -> bool:
        """Return whether a head may have moved since the last look."""
        if self._looked_at_s is None or self._moved.is_set():
            return True
        return clock.monotonic_s() - self._looked_at_s > LOOK_ANYWAY_S

    def _made(self) -> Exporting:
        if self._exporting is None:
            engine = self.engine
            self._exporting = wiring.exporting_of(
                engine.settings, engine.backends, engine.fetcher, engine.host
            )
        return self._exporting
