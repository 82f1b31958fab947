"""Forgets versions by rule: decides for one session after the other, and acts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from expokeep.catalog.caring import Weight
from expokeep.crash import point
from expokeep.errors import UsageError
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.retention.pace import Pace
from expokeep.retention.plan import Rules, to_forget
from expokeep.retention.ports import Versions
from expokeep.retention.sweep import Guard

log = get(__name__)

AT_ONCE = 100
"""Versions that are forgotten in one transaction: a commit may have to wait for it."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten of a session, or would be."""

    session: SessionId
    seqs: tuple[int, ...]
    """Ascending."""
    stay: int
    """How many versions are left."""
    weight: Weight


@dataclass(frozen=True, slots=True)
class Forgetter:
    """Forgets by rules."""

    versions: Versions
    check: Guard
    """Called before versions are forgotten: an older catalog does not know what persons
    pinned and labelled since."""

    def run(
        self,
        rules: Rules,
        sessions: Iterable[SessionId] | None,
        pace: Pace,
        *,
        dry_run: bool = False,
    ) -> Iterator[Forgotten]:
        """Yield what goes, session by session; of all sessions if None are named.

        Stopped, or killed, it has forgotten some of what it would have, and no more.

        Raises:
            UsageError: the rules keep nothing.
            OldCatalog: this catalog is an older one. Nothing was forgotten.
        """
        if rules.keep_nothing:
            raise UsageError("these rules keep nothing; `delete` deletes a session")
        for session in self.versions.sessions() if sessions is None else sessions:
            if pace.is_over:
                return
            found = self._of(session, rules, pace, dry_run=dry_run)
            if found is not None:
                yield found

    def _of(
        self, session: SessionId, rules: Rules, pace: Pace, *, dry_run: bool
    ) -> Forgotten | None:
        lines = self.versions.lines(session)
        going = to_forget(lines, rules)
        if not going:
            return None
        weight = self.versions.weight(session, going)
        if not dry_run:
            self.check()
            labelled = {line.seq for line in lines if line.labels}
            going = list(self._forget(session, going, labelled, pace))
            log.info("versions forgotten", session=session, versions=len(going))
        return Forgotten(session, tuple(going), len(lines) - len(going), weight)

    def _forget(
        self, session: SessionId, going: list[int], labelled: set[int], pace: Pace
    ) -> Iterator[int]:
        # Apart from each other: what got its label after we looked must stay.
        for labels_too in (False, True):
            some = iter([seq for seq in going if (seq in labelled) is labels_too])
            while batch := list(islice(some, AT_ONCE)):
                yield from self.versions.forget(session, batch, labels_too=labels_too)
                point("after-forget")
                if not pace.goes_on():
                    return
