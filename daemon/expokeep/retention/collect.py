"""Collects what is no longer kept: from the session nobody comes for to its last byte.

In this order: sessions expire; what others need is taken out of the packs of deleted
ones; those whose grace is over are purged; what nobody needs is swept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from expokeep.crash import point
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.retention.merge import Merged
from expokeep.retention.pace import Pace
from expokeep.retention.ports import Deletions
from expokeep.retention.sweep import Guard, Sweeper, Swept
from expokeep.retention.tidy import Tidying

log = get(__name__)


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection has done, or would do."""

    expired: tuple[SessionId, ...]
    purged: tuple[SessionId, ...]
    merged: tuple[Merged, ...]
    """Packs that were written anew to let others go."""
    swept: Swept


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects. Safe to be killed anywhere, and to be run again."""

    deletions: Deletions
    tidying: Tidying
    sweeper: Sweeper
    check: Guard
    """Called before sessions expire or are purged; asks the bucket."""
    days: int
    """Of sessions: so long they stay after the last access."""
    grace_s: float

    def run(self, pace: Pace) -> Collected:
        """Collect until nothing is left to do, or the pace says so.

        Raises:
            OldCatalog: this catalog is an older one. Nothing was deleted.
        """
        if self._has_sessions():
            self.check()
        expired = self._expire(pace)
        merged = self.tidying.make_room(pace)
        purged = self._purge(pace)
        merged += self.tidying.repack(pace)
        swept = self.sweeper.run(pace)
        self.deletions.bury()
        log.info(
            "collected",
            expired=len(expired),
            purged=len(purged),
            retired=swept.retired,
            deleted=swept.deleted,
            freed_bytes=swept.deleted_bytes,
        )
        return Collected(tuple(expired), tuple(purged), tuple(merged), swept)

    def preview(self, pace: Pace) -> Collected:
        """Return what a run would do now, and do nothing.

        What follows from it is not foreseen: the packs of a session that would be
        purged are still needed now.
        """
        return Collected(
            expired=tuple(self.deletions.expiring(days=self.days)),
            purged=tuple(self.deletions.purgeable(grace_s=self.grace_s)),
            merged=(),
            swept=self.sweeper.preview(pace),
        )

    def purge_now(self, session: SessionId) -> bool:
        """Purge a session that was deleted a moment ago, without any grace.

        Raises:
            OldCatalog: this catalog is an older one. Nothing was purged.
        """
        self.check()
        return self.deletions.purge(session, grace_s=0, spent_s=self.grace_s)

    def _has_sessions(self) -> bool:
        return bool(
            self.deletions.expiring(days=self.days)
            or self.deletions.purgeable(grace_s=self.grace_s)
        )

    def _expire(self, pace: Pace) -> list[SessionId]:
        return _repeated(lambda: self.deletions.expire(days=self.days), pace)

    def _purge(self, pace: Pace) -> list[SessionId]:
        purged = []
        for session in self.deletions.purgeable(grace_s=self.grace_s):
            if pace.is_over:
                break
            if self.deletions.purge(
                session, grace_s=self.grace_s, spent_s=self.grace_s
            ):
                purged.append(session)
                log.info("session purged", session=session)
            point("after-purge")
            pace.goes_on()
        return purged


def _repeated(some: Callable[[], Sequence[SessionId]], pace: Pace) -> list[SessionId]:
    """Return what comes until nothing more comes."""
    found: list[SessionId] = []
    while not pace.is_over and (more := some()):
        found += more
        point("after-expire")
        pace.goes_on()
    return found
