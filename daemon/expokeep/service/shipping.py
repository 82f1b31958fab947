"""What a shipper does: brings what waits in the spool to bucket and catalog, in order.

Captures never wait for it. When the network is away, entries pile up in the spool and
each session is tried again with growing patience.
"""

import random
import threading
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from expokeep import clock
from expokeep.errors import Busy, ExpokeepError, QuotaExceeded
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.service import recorded
from expokeep.service.events import Events
from expokeep.service.holders import Holders
from expokeep.service.monitoring.counts import Counts
from expokeep.service.monitoring.declared import counts
from expokeep.service.pauses import Pauses
from expokeep.service.turnstile import Turnstile
from expokeep.snapshot.judging import ChainLost
from expokeep.snapshot.keep import Sealed
from expokeep.snapshot.run import Snapshotter
from expokeep.snapshot.ship import ForeignDirectory, Refused, Shipper, Withdrawn
from expokeep.spool.spool import Spool, SpoolEntry
from expokeep.store.retrying import RetryPolicy

log = get(__name__)

PATIENCE = RetryPolicy(first_s=1.0, most_s=300.0)
"""Between two tries at a session, over and above those at each request."""
MAX_REMEMBERED = 16
"""Sealed snapshots whose manifests stay in memory; others are read from the spool."""

MAX_RECORDED = 1000
_LOOK_AGAIN_S = 1.0
"""How often a session that is held back asks whether it still is."""


@dataclass(slots=True)
class _Trouble:
    failures: int
    error: ExpokeepError | OSError


@dataclass(slots=True)
class Shipping:
    """Ships what is sealed. Safe from any thread."""

    spool: Spool
    shipper: Shipper
    snapshotter: Snapshotter
    turnstile: Turnstile[SessionId, SessionId]
    pauses: Pauses = field(default_factory=Pauses)
    events: Events = field(default_factory=Events)
    counts: Counts = field(default_factory=counts)
    _remembered: dict[uuid.UUID, Sealed] = field(default_factory=dict)
    _trouble: dict[SessionId, _Trouble] = field(default_factory=dict)
    _recorded: dict[uuid.UUID, Refused | None] = field(default_factory=dict)
    """The newest packs that became versions, in order, or why they never will."""
    _folded: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    """Packs that wait no more, and the one that each was folded into."""
    _holders: Holders = field(default_factory=Holders)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def start(self) -> None:
        """Plan what a former process left."""
        for session in self.spool.sessions():
            log.info("spool replayed", session=session)
            self.turnstile.schedule(session)

    def sealed(self, sealed: Sealed) -> None:
        """Plan a snapshot that was sealed just now."""
        session = sealed.entry.note.session
        recorded.sealed(self.counts, sealed)
        with self._changed:
            trouble = self._trouble.get(session)
            # What is lost passes by no waiting, and holds up nothing behind it.
            waits = trouble is not None and not isinstance(trouble.error, ChainLost)
            if waits or len(self._remembered) >= MAX_REMEMBERED:
                sealed.claim.release()
            else:
                self._remembered[sealed.entry.pack] = sealed
        if not waits:
            self.turnstile.schedule(session)

    def handle(self, session: SessionId) -> None:
        """Ship all that waits for a session, oldest first, up to the first failure.

        What goes out from a version that is lost stays, and holds nobody up: the next
        one that is known as a whole continues.
        """
        if self.pauses.holds(session):
            self._let_go(session)
            self.turnstile.schedule(session, _LOOK_AGAIN_S)
            return
        stranded: dict[uuid.UUID, ChainLost] = {}
        while (entry := self._next(session, stranded)) is not None:
            with self.spool.held([entry]) as ours:
                if not ours:  # it is being folded
                    self.turnstile.schedule(session, _LOOK_AGAIN_S)
                    return
                if not self._shipped(entry, stranded):
                    return
        for entry in self.spool.pending(session):
            if (error := stranded.get(entry.pack)) is not None:
                self._failed(entry, error)
                return

    def _next(
        self, session: SessionId, stranded: Collection[uuid.UUID]
    ) -> SpoolEntry | None:
        pending = self.spool.pending(session)
        return next((one for one in pending if one.pack not in stranded), None)

    def _shipped(self, entry: SpoolEntry, stranded: dict[uuid.UUID, ChainLost]) -> bool:
        """Ship an entry; return whether the next one may follow."""
        try:
            self._ship(entry)
        except (ForeignDirectory, Withdrawn, QuotaExceeded) as error:
            self._throw_away(entry, error)
        except ChainLost as error:
            stranded[entry.pack] = error
        except (ExpokeepError, OSError) as error:
            self._failed(entry, error)
            return False
        return True

    def folded(self, olds: Sequence[SpoolEntry]) -> None:
        """Learn that entries became one, which bears the pack of the newest."""
        with self._changed:
            for old in olds:
                if old.pack != olds[-1].pack:
                    self._folded[old.pack] = olds[-1].pack
                if (sealed := self._remembered.pop(old.pack, None)) is not None:
                    sealed.claim.release()
            while len(self._folded) > MAX_RECORDED:
                del self._folded[next(iter(self._folded))]

    def error_of(self, session: SessionId) -> Exception | None:
        """Return why a session's snapshots do not get away, if they do not."""
        trouble = self._trouble.get(session)
        return trouble.error if trouble else None

    def errors(self) -> list[Exception]:
        """Return what is wrong now, session by session."""
        return [trouble.error for trouble in list(self._trouble.values())]

    def is_stuck(self) -> bool:
        """Return whether all that waits has failed in a way that no waiting mends."""
        errors = [self.error_of(session) for session in self.spool.sessions()]
        return bool(errors) and not any(
            error is None or getattr(error, "transient", True) for error in errors
        )

    def resume(self, session: SessionId | None) -> None:
        """End a pause, and go on where it began."""
        self.pauses.end(session)
        self.hurry(session)

    def is_held_up(self, session: SessionId) -> bool:
        """Return whether waiting for a session's snapshots is no use for now."""
        return self.pauses.holds(session) or session in self._trouble

    def failures_of(self, session: SessionId) -> int:
        """Return how often in a row a session's snapshots did not get away."""
        trouble = self._trouble.get(session)
        return trouble.failures if trouble else 0

    def hurry(self, session: SessionId | None = None) -> None:
        """Try now, however patient we meant to be."""
        for waiting in self.spool.sessions():
            if session in (None, waiting):
                self.turnstile.schedule(waiting)

    def wait_recorded(
        self, pack: uuid.UUID, session: SessionId, failures: int, wait_s: float
    ) -> bool:
        """Wait until a snapshot is a version; return whether that came.

        One failure more than those that the caller knows of ends the wait.

        Raises:
            ExpokeepError, OSError: what stands in the way; it waits in the spool.
        """

        def is_over() -> bool:
            told = self.told_by(pack) in self._recorded
            return told or self.failures_of(session) > failures

        with self._changed:
            self._changed.wait_for(is_over, wait_s)
            pack = self.told_by(pack)
            if (refused := self._recorded.get(pack)) is not None:
                raise refused
            if pack in self._recorded:
                return True
            trouble = self._trouble.get(session)
            if trouble is not None and trouble.failures > failures:
                raise trouble.error
        if self.pauses.holds(session):
            raise Busy("uploads are paused; it is safe in the spool")
        return False

    def told_by(self, pack: uuid.UUID) -> uuid.UUID:
        """Return the pack of the snapshot into which this one was folded, or itself."""
        while pack in self._folded:
            pack = self._folded[pack]
        return pack

    def wait_empty(self, session: SessionId | None, wait_s: float) -> bool:
        """Wait until nothing waits in the spool; return whether that came."""

        def is_empty() -> bool:
            return not self.spool.backlog(session).entries

        with self._changed:
            return self._changed.wait_for(is_empty, wait_s)

    def _ship(self, entry: SpoolEntry) -> None:
        started_s = clock.monotonic_s()
        with self._changed:
            sealed = self._remembered.pop(entry.pack, None)
        is_same = sealed is not None and sealed.entry == entry  # or it was folded
        try:
            is_same = not self.snapshotter.settle_origin(entry.note) and is_same
            shipped = self.shipper.ship(entry, sealed if is_same else None)
        finally:
            if sealed is not None:
                sealed.claim.release()
        self.snapshotter.shipped(shipped, entry.note)
        self.snapshotter.tools.claims.flows = True
        took_s = clock.monotonic_s() - started_s
        recorded.told(self.events, self.counts, entry, shipped.version, took_s)
        self._holders.learn(shipped.opened)
        self._over(entry, None)

    def _over(self, entry: SpoolEntry, refused: Refused | None) -> None:
        """Tell who waits that an entry has left the spool."""
        with self._changed:
            self._trouble.pop(entry.note.session, None)
            self._recorded[entry.pack] = refused
            while len(self._recorded) > MAX_RECORDED:
                del self._recorded[next(iter(self._recorded))]
            self._changed.notify_all()

    def _throw_away(self, entry: SpoolEntry, error: Refused) -> None:
        """Throw away what can never be a version, and holds nothing of its owner's.

        Somebody put it under the name of another's session, sealed while nobody could
        tell whose that is; or it was made of what is kept, and that is not any more.
        What comes behind it must not wait.
        """
        log.error(
            "snapshot thrown away",
            session=entry.note.session,
            trigger=entry.note.trigger,
            error=str(error),
        )
        self.counts.add("versions_total", entry.note.trigger, "thrown_away")
        self.snapshotter.disown(entry.note)
        self.spool.drop(entry)
        self._over(entry, error)

    def _let_go(self, session: SessionId) -> None:
        """Let others store what this session does not get away for now.

        They would wait for it, and a capture must not wait.
        """
        with self._changed:
            for pack, sealed in list(self._remembered.items()):
                if sealed.entry.note.session == session:
                    del self._remembered[pack]
                    sealed.claim.release()

    def _failed(self, entry: SpoolEntry, error: ExpokeepError | OSError) -> None:
        session = entry.note.session
        self.snapshotter.doubt(entry.note)
        self._let_go(session)
        self.snapshotter.tools.claims.flows = False
        with self._changed:
            before = self._trouble.get(session)
            failures = before.failures + 1 if before else 1
            self._trouble[session] = _Trouble(failures, error)
            self._changed.notify_all()
        delay_s = PATIENCE.delay_s(failures, random.random())  # noqa: S311 - a pause
        passes = isinstance(error, ExpokeepError) and error.transient
        say = log.warning if passes else log.error
        say(
            "version waits in the spool",
            session=session,
            error=str(error),
            tries=failures,
            again_in_s=round(delay_s, 1),
        )
        self.turnstile.schedule(session, delay_s)
