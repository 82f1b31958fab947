"""Decides what an entry of the spool becomes: head or parked, and against what.

Nothing is judged by a clock, and nothing is refused: what may not be head is parked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from expokeep import clock
from expokeep.catalog.base import Catalog
from expokeep.catalog.values import Held, Host, NewVersion, Opened
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.model.guard import Limits, loss, refusal
from expokeep.model.tree import Delta, Tree, diff, patch, tree_digest
from expokeep.model.version import Selector, VersionRef
from expokeep.pack.format import Manifest
from expokeep.snapshot.owning import beside
from expokeep.snapshot.recording import life_of, new_version
from expokeep.snapshot.remains import Remains
from expokeep.spool.entry import Note
from expokeep.spool.spool import SpoolEntry

log = get(__name__)

UNPROVED = "its whole tree cannot be proved, so nobody can tell what it lost"


class ChainLost(ExpokeepError):
    """The version that a snapshot goes out from is nowhere any more."""

    hint = "See RUNBOOK, `Changes do not get away`. It stays in the spool meanwhile."


@dataclass(frozen=True, slots=True)
class Cargo:
    """An entry that is to be recorded, and what its packs say."""

    entry: SpoolEntry
    manifests: Sequence[Manifest]

    @property
    def note(self) -> Note:
        """What the packs do not say."""
        return self.entry.note


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges entries."""

    catalog: Catalog
    host: Host
    guard: Limits
    remains: Remains

    def judged(
        self, cargo: Cargo, opened: Opened, reopen: Callable[[], Opened]
    ) -> tuple[NewVersion, Opened]:
        """Return what is to be recorded, and what that stands on.

        A session whose holder is dead is taken, if the version is to be its head.

        Raises:
            ChainLost: it can be no version, because its tree is not known.
        """
        reason = self._reason(cargo, opened)
        if reason is not None or not opened.is_ours:
            # What it is measured by may have been accepted since, or a lease run out.
            opened = reopen()
            reason = self._reason(cargo, opened)
        if reason is None and not opened.is_ours:
            self._take(opened)
            opened = reopen()
            reason = self._reason(cargo, opened)
        new = new_version(cargo.entry, cargo.manifests, opened, reason)
        return self._following(cargo, replace(new, sent_at=clock.now()), opened), opened

    def require_tree(self, cargo: Cargo, opened: Opened) -> None:
        """Check that an entry can become a version, before it is uploaded.

        Raises:
            ChainLost: its chain ends elsewhere, and its whole tree is not known.
        """
        if cargo.note.parent_pack == opened.tip_pack:
            return
        if self.tree(cargo) is None:
            raise ChainLost(
                f"what pack {cargo.entry.pack} of {opened.session} goes out from, "
                f"{cargo.note.parent_pack}, is not kept any more"
            )

    def tree(self, cargo: Cargo) -> Tree | None:
        """Return the whole tree of a snapshot, proved by its digest, if it is known.

        It is what it goes out from, and what differs; or this host remembers it.
        """
        snap, note = cargo.manifests[0].snaps[0], cargo.note
        if snap.full:
            return snap.delta.set
        for tree in self._candidates(cargo):
            if tree_digest(tree) == snap.tree:
                return tree
        log.warning("tree not known", session=note.session, pack=cargo.entry.pack)
        return None

    def _take(self, opened: Opened) -> None:
        try:
            self.catalog.take(opened.session, self.host)
        except Held:
            return  # it came back just now
        before = opened.holder.name if opened.holder else None
        log.info("session taken over", session=opened.session, before=before)

    def _reason(self, cargo: Cargo, opened: Opened) -> str | None:
        """Return why a version should not become head, if it should not."""
        doubt = None if cargo.note.is_forced else self._doubt(cargo, opened)
        return doubt or beside(cargo.note, opened, self.host)

    def _doubt(self, cargo: Cargo, opened: Opened) -> str | None:
        """Return what about a version must be looked at by a person, if anything."""
        note, head_seq = cargo.note, opened.head_seq
        if (refused := refusal(life_of(note, opened)) or note.loss) is not None:
            return refused
        if (lost := self._unmeasured(cargo, opened)) is not None:
            return lost
        if head_seq in (None, opened.tip_seq) or opened.epoch != opened.head_epoch:
            return None
        # The one before it is parked. So is this one, unless what was lost is back.
        after = self.tree(cargo)
        if after is None:
            return UNPROVED
        head = VersionRef(note.session, Selector(seq=head_seq))
        before = self.catalog.tree(self.catalog.resolve(head))
        return loss(before, after, self.guard)

    def _unmeasured(self, cargo: Cargo, opened: Opened) -> str | None:
        """Return what a version lost that was made without knowing what was kept.

        Of a directory that is gone only what was taken early is known then, and that
        may be little: nothing of what was kept may be missing.
        """
        note, snap = cargo.note, cargo.manifests[0].snaps[0]
        start = opened.base_seq if opened.tip_seq is None else opened.tip_seq
        if note.parent_pack is not None or not snap.full or start is None:
            return None
        version = self.catalog.resolve(VersionRef(note.session, Selector(seq=start)))
        strict = Limits(max_lost_percent=0, min_lost_files=1)
        limits = strict if note.trigger == "final" else self.guard
        return loss(self.catalog.tree(version), snap.delta.set, limits)

    def _following(self, cargo: Cargo, new: NewVersion, opened: Opened) -> NewVersion:
        """Let a version go out from where its chain ends, if that is elsewhere now."""
        if new.parent_pack == opened.tip_pack:
            return new
        self.require_tree(cargo, opened)
        tree = self.tree(cargo) or {}
        if opened.tip_pack is None:
            # The chain is gone, or it never was: this version begins it.
            log.warning("chain begun anew", session=new.session, pack=cargo.entry.pack)
            return replace(new, parent_pack=None, delta=Delta(tree, frozenset()))
        tip = self.catalog.resolve(
            VersionRef(new.session, Selector(seq=opened.tip_seq))
        )
        log.info("chain continued", session=new.session, after=tip.seq)
        delta = diff(self.catalog.tree(tip), tree)
        return replace(new, parent_pack=tip.pack, delta=delta)

    def _candidates(self, cargo: Cargo) -> Iterator[Tree]:
        delta, parent = cargo.manifests[0].snaps[0].delta, cargo.note.parent_pack
        if parent is not None:
            base = self.catalog.trace([parent]).version
            if base is not None:
                yield patch(self.catalog.tree(base), delta)
        for tree in self.remains.trees(cargo.note.session):
            yield tree
            yield patch(tree, delta)  # whatever differs, this may change it anyway
