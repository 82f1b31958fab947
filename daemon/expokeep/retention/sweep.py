"""Sweeps: retires packs that nobody needs, dooms those whose grace is over, deletes.

An object is deleted only when Postgres marked it, after the grace, and still nothing
refers to it. Killed between any two steps, the next run goes on from what is marked.
"""

import datetime
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from expokeep.catalog.caring import Outgoing
from expokeep.crash import point
from expokeep.log import get
from expokeep.retention.pace import Pace
from expokeep.retention.ports import Packs
from expokeep.store.base import Store, Unfinished

log = get(__name__)

OBJECTS_AT_ONCE = 1000
"""In one DeleteObjects. S3 allows no more."""
PACKS_AT_ONCE = 100
"""Doomed in one transaction, which locks all their contents."""
UPLOAD_MAX_AGE = datetime.timedelta(days=1)
"""An upload in parts that is older has no one who would end it."""

Guard = Callable[[], object]
"""Called before anything is deleted; raises if this catalog is not to be trusted."""


@dataclass(slots=True)
class Swept:
    """What a sweep has done, or would do."""

    retired: int = 0
    retired_bytes: int = 0
    deleted: int = 0
    deleted_bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Objects that could not be deleted, by key, and why. They are tried again."""
    aborted: int = 0
    """Uploads in parts that were ended."""
    is_done: bool = False
    """Nothing is left to do before some more grace is over."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps one bucket."""

    packs: Packs
    store: Store
    guard: Guard
    grace_s: float
    prefix: str
    """Of all our keys."""
    now: Callable[[], datetime.datetime]
    """The clock of Postgres: our own may be wrong."""

    def run(self, pace: Pace) -> Swept:
        """Sweep until nothing is left to do, or the pace says so."""
        swept = Swept()
        self._retire(swept, pace)
        self._delete(swept, pace)
        self._abort_uploads(swept, pace)
        swept.is_done = not pace.is_over
        if swept.failed:
            key, reason = next(iter(swept.failed.items()))
            log.warning(
                "objects not deleted", objects=len(swept.failed), key=key, why=reason
            )
        return swept

    def preview(self, pace: Pace) -> Swept:
        """Return what a run would do now, and do nothing."""
        swept = Swept()
        for ids in self.packs.live():
            if pace.is_over:
                return swept
            self._note_retired(swept, self.packs.unneeded(ids))
        stale = self.packs.stale(grace_s=self.grace_s, limit=PACKS_AT_ONCE)
        swept.deleted, swept.deleted_bytes = self.packs.retired(grace_s=self.grace_s)
        swept.deleted += len(stale)
        swept.aborted = len(self._unfinished())
        swept.is_done = True
        return swept

    def _retire(self, swept: Swept, pace: Pace) -> None:
        for ids in self.packs.live():
            self._note_retired(swept, self.packs.retire(ids))
            point("after-retire")
            if not pace.goes_on():
                return

    def _note_retired(self, swept: Swept, packs: Iterable[Outgoing]) -> None:
        for pack in packs:
            swept.retired += 1
            swept.retired_bytes += pack.size_bytes

    def _delete(self, swept: Swept, pace: Pace) -> None:
        """Doom and delete by turns, so that little is left half done at any time."""
        is_allowed = False
        tried: set[uuid.UUID] = set()
        looked_at: set[uuid.UUID] = set()
        while not pace.is_over:
            due, _ = self.packs.retired(grace_s=self.grace_s)
            stale = self.packs.stale(grace_s=self.grace_s, limit=1)
            if not (due or stale):
                return
            if not is_allowed:
                self.guard()
                is_allowed = True
            progress = self._doom(looked_at)
            doomed = self.packs.doomed(limit=OBJECTS_AT_ONCE, not_again=tried)
            if not (doomed or progress):
                return
            if doomed:
                tried.update(pack.pack for pack in doomed)
                self._delete_objects(swept, doomed)
            if not pace.goes_on():
                return

    def _doom(self, looked_at: set[uuid.UUID]) -> bool:
        """Doom some of what is due; return whether there was any."""
        doomed = self.packs.doom_stale(grace_s=self.grace_s, limit=PACKS_AT_ONCE)
        found = len(doomed)
        while found < OBJECTS_AT_ONCE:
            _, seen = self.packs.doom(
                grace_s=self.grace_s, limit=PACKS_AT_ONCE, not_again=looked_at
            )
            point("after-doom")
            looked_at.update(seen)
            found += len(seen)
            if not seen:
                break
        return found > 0

    def _delete_objects(self, swept: Swept, doomed: Sequence[Outgoing]) -> None:
        failed = self.store.delete([pack.key for pack in doomed])
        point("after-delete-objects")
        gone = [pack for pack in doomed if pack.key not in failed]
        self.packs.bury([pack.pack for pack in gone])
        point("after-bury")
        swept.failed |= failed
        swept.deleted += len(gone)
        swept.deleted_bytes += sum(pack.size_bytes for pack in gone)

    def _abort_uploads(self, swept: Swept, pace: Pace) -> None:
        if pace.is_over:
            return
        for upload in self._unfinished():
            self.store.abort(upload)
            swept.aborted += 1
            point("after-abort-upload")
            if not pace.goes_on():
                return

    def _unfinished(self) -> list[Unfinished]:
        """Return the uploads in parts that nobody will end."""
        uploads = list(self.store.unfinished(self.prefix))
        if not uploads:
            return []
        since = self.now() - UPLOAD_MAX_AGE
        return [upload for upload in uploads if upload.started_at < since]
