"""Keeps the app's tables in step beside what commits write: later, and after the app.

One daemon of all does this. What the app writes is heeded, what it deletes is deleted
softly; what nobody can have meant is undone and told.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from expokeep.catalog.legacy_values import Found, Mark, Wish
from expokeep.errors import Busy, ExpokeepError
from expokeep.legacy.ports import Ports, Publish, Read
from expokeep.log import get
from expokeep.model.described import MOST_BYTES, described
from expokeep.model.digest import Digest

log = get(__name__)

Stop = Callable[[], bool]

MOST_FAILURES = 5
"""In a row: then it is not the rows but the table, and the rest would wait in vain."""


@dataclass(slots=True)
class Keeper:
    """Looks after the rows. One thread at a time."""

    ports: Ports
    read: Read
    publish: Publish
    wish: Wish
    _complaint: str = field(default="")
    """What was last said of tables that cannot be kept in step."""

    def act(self, stop: Stop) -> bool:
        """Do all that is to do; return whether some of it is to be tried again soon."""
        try:
            return self._acted(stop)
        except Busy as error:
            # A migration of the app may hold a lock for long: it is no failure of ours.
            self._complain(str(error).partition(" CONTEXT:")[0])
            return True

    def _acted(self, stop: Stop) -> bool:
        self.ports.tables.configure(self.wish)
        found = self.ports.tables.find()
        if not self._is_usable(found):
            return False
        if not found.is_settled and not self._attach(found):
            return True
        if refusals := self.ports.notes.refusals():
            self._refused(f"the app was kept {refusals} times from deleting builds")
        if not self._judge():
            return True
        self.ports.rows.mark_unshared()
        self._complaint = ""
        return self._mend(stop)

    def compare(self) -> None:
        """Mark every row that is not what is kept.

        Finds also what nobody told us: where we may have no triggers, and where rows
        were changed without them.
        """
        found = self.ports.tables.find()
        if found.is_attached and found.found is not None:
            self._describe()
            self.ports.descriptions.forget()
            self.ports.rows.compare()

    def leave(self) -> None:
        """Leave the app's tables alone from now on."""
        if self.ports.tables.find().is_attached:
            self.ports.tables.detach()
            log.info("app's tables left alone")

    def _is_usable(self, found: Found) -> bool:
        if found.found is None:
            if found.is_attached:
                self.ports.tables.detach()
                self._complain("they are gone")
            return False
        if not found.may_write:
            self._complain("the daemon's role may not write them")
            return False
        return True

    def _complain(self, what: str) -> None:
        if what != self._complaint:
            log.warning("app's tables not kept in step", why=what)
        self._complaint = what

    def _attach(self, found: Found) -> bool:
        """Begin to keep tables in step; return whether that is done."""
        is_another = found.known not in (None, found.found)
        # First of all: what is missing in a table that was made anew was never deleted.
        if is_another and not self._put_back("the app's tables were made anew"):
            return False
        self.ports.tables.attach(found)
        log.info("app's tables found", told_of_writes=found.may_watch)
        self._describe()
        self.ports.rows.compare()
        return True

    def _judge(self) -> bool:
        """Heed what the app has deleted, or undo it; return whether that is done."""
        missing = self.ports.rows.missing()
        if not missing:
            return True
        if self.ports.rows.is_too_much(len(missing)):
            return self._put_back(f"{len(missing)} builds were deleted at once")
        for session in self.ports.rows.delete(missing):
            log.info("session deleted by the app", session=session)
            self.publish("session.deleted", session, by="the app")
        if kept := self.ports.rows.undeletable():
            return self._put_back(f"a template is made of {', '.join(kept)}")
        return True

    def _put_back(self, why: str) -> bool:
        """Write rows again that are missing; return whether all of them are there."""
        missing = self.ports.rows.missing()
        failures = [self.ports.rows.mend(one, put_back=True) for one in missing]
        failed = next(filter(None, failures), None)
        if failed is not None:
            log.warning("app's rows not put back yet", why=failed)
            return False
        if missing:
            self._refused(why)
        return True

    def _refused(self, what: str) -> None:
        log.error("refused to the app", what=what)
        self.ports.notes.refused(what)
        self.publish("legacy.refused", None, what=what)

    def _mend(self, stop: Stop) -> bool:
        """Bring marked rows to what is kept; return whether there are more."""
        while marks := self.ports.rows.marks():
            in_a_row, failed = 0, 0
            for mark in marks:
                if stop():
                    return True
                why = self.ports.rows.mend(mark.session)
                if why is None:
                    self._is_mended(mark)
                    in_a_row = 0
                    continue
                log.warning("app's row is behind", session=mark.session, why=why)
                in_a_row, failed = in_a_row + 1, failed + 1
                if in_a_row == MOST_FAILURES:
                    return True
            if failed:
                return True
        return False

    def _is_mended(self, mark: Mark) -> None:
        if mark.is_behind:
            log.info("app's row mended", session=mark.session, was=mark.why)
            self.publish("legacy.repaired", mark.session, why=mark.why)

    def _describe(self) -> None:
        """Read what projects say of themselves, where only the bucket knows it."""
        undescribed = self.ports.descriptions.undescribed
        while digests := undescribed(most_bytes=MOST_BYTES):
            try:
                found = [pair for one in digests for pair in self._said(one)]
            except ExpokeepError as error:
                log.warning("descriptions not read", error=str(error))
                return
            self.ports.descriptions.describe(found)
            if len(found) < len(digests):
                return  # some are lost: another time

    def _said(self, digest: Digest) -> Iterator[tuple[Digest, bytes]]:
        """Yield what a file says, if it is not lost."""
        try:
            contents = self.read([digest])
        except ExpokeepError as error:
            if error.transient:
                raise
            log.debug("description not read", error=str(error))
        else:
            yield digest, described(contents[digest])
