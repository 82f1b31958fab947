"""Keeps what a snapshot has decided: packs into the spool, then bucket and catalog."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from expokeep import clock
from expokeep.catalog.base import Catalog, Opened, PackKind, PackRecord
from expokeep.errors import AccessDenied, BackendUnreachable, ExpokeepError
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.guard import is_edit, is_whole
from expokeep.model.tree import diff
from expokeep.model.version import Version
from expokeep.pack.format import Manifest
from expokeep.snapshot.build import (
    Blueprint,
    Builder,
    Subject,
    blueprint,
    contents_of,
    pack_record,
)
from expokeep.snapshot.claims import Claims
from expokeep.snapshot.crash import point
from expokeep.snapshot.look import Look
from expokeep.snapshot.memory import Memory
from expokeep.snapshot.plan import Plan
from expokeep.snapshot.project import NAMED_IN, project_name
from expokeep.snapshot.ship import Shipper
from expokeep.snapshot.values import Moment, Policy, Request
from expokeep.spool.spool import Note, SpoolEntry
from expokeep.worktree.index import Index
from expokeep.worktree.root import Root

log = get(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What keeping needs."""

    catalog: Catalog
    shipper: Shipper
    builder: Builder
    claims: Claims
    policy: Policy


@dataclass(frozen=True, slots=True)
class Kept:
    """How it ended."""

    state: Literal["unchanged", "recorded", "spooled"]
    version: Version | None = None
    stored_bytes: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """One snapshot that has something to keep."""

    tools: Tools
    request: Request
    moment: Moment
    root: Root
    memory: Memory

    def run(self, seen: Look, plan: Plan, standing: Opened | None) -> Kept:
        """Build and ship. `standing` is None while the catalog cannot be asked.

        Raises:
            KeptChanging: a file is not any more what was seen. Nothing was sealed.
            NoSpace: the spool is full. Nothing was sealed.
        """
        subject = self._subject(plan, standing)
        named = contents_of(subject.delta)
        with self.tools.claims.on(named.keys()):
            kind: PackKind = "base" if subject.is_full else "incr"
            own = pack_record(subject, self.tools.policy, kind, clock.uuid7())
            known = self._known(standing, own, frozenset(named))
            drawn = blueprint(subject, self.tools.policy, own, known or frozenset())
            if known is None or not self._announced(standing, drawn):
                standing = None
            point("after-begin")
            note = self._note(seen, plan, subject)
            entry, manifests = self.tools.builder.build(
                self.root, seen, subject, drawn, note
            )
            point("after-seal")
            self.memory.keep(Index(entry.pack, plan.tree, seen.known))
            point("after-index")
            return self._ship(entry, manifests, standing)

    def _subject(self, plan: Plan, standing: Opened | None) -> Subject:
        pack = self.memory.index.pack
        before = None
        if standing is not None:
            before = standing.tip_seq or standing.base_seq
        return Subject(
            request=self.request,
            moment=self.moment,
            tree=plan.tree,
            delta=diff({}, plan.tree) if pack is None else plan.delta,
            is_full=pack is None,
            seq=standing.last_seq + 1 if standing else 1,
            parent_seq=before,
            parent_pack=pack,
            epoch=standing.epoch if standing else 0,
        )

    def _known(
        self, standing: Opened | None, own: PackRecord, wanted: frozenset[Digest]
    ) -> frozenset[Digest] | None:
        """Return which contents are kept already; None if nobody can tell."""
        if standing is None:
            return None
        try:
            return self.tools.catalog.begin(standing, (own,), wanted)
        except (BackendUnreachable, AccessDenied) as error:
            log.debug("catalog not asked", error=str(error))
            return None

    def _announced(self, standing: Opened | None, drawn: Blueprint) -> bool:
        """Tell the catalog of the packs of big files, if there are any."""
        if standing is None or not drawn.big:
            return standing is not None
        try:
            self.tools.catalog.begin(standing, drawn.packs, ())
        except (BackendUnreachable, AccessDenied):
            return False
        return True

    def _note(self, seen: Look, plan: Plan, subject: Subject) -> Note:
        named_in = {path: seen.held[path] for path in NAMED_IN if path in seen.held}
        asked = self.request.trigger == "save"
        return Note(
            session=self.request.session,
            device=self.root.device,
            inode=self.root.inode,
            birth_ns=self.root.birth_ns,
            root_uid=self.root.uid,
            root_gid=self.root.gid,
            root_mode=self.root.mode,
            parent_pack=subject.parent_pack,
            taken_at=self.moment.at,
            trigger=self.request.trigger,
            packs=(),
            reused=(),
            message=self.request.message,
            author=self.request.author,
            owner=self.request.owner,
            project_name=self.request.project_name or project_name(named_in),
            is_whole=is_whole(plan.tree),
            is_edited=asked or is_edit(self.memory.index.tree, plan.delta),
        )

    def _ship(
        self,
        entry: SpoolEntry,
        manifests: Sequence[Manifest],
        standing: Opened | None,
    ) -> Kept:
        """Ship; whatever goes wrong, the snapshot is safe and will be tried again."""
        stored_bytes = sum(pack.size_bytes for pack in entry.note.packs)
        try:
            if standing is None:
                shipped = self.tools.shipper.replay(self.request.session)[-1]
            else:
                shipped = self.tools.shipper.ship(entry, manifests, standing)
        except ExpokeepError as error:
            self.memory.opened = None
            return Kept("spooled", None, stored_bytes, str(error))
        self.memory.opened = shipped.opened
        return Kept("recorded", shipped.version, stored_bytes)
