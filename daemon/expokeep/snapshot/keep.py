"""Keeps what a snapshot has decided: packs into the spool, sealed. Ships nothing.

The catalog is asked what it has already; when it cannot be asked, the packs hold all
that changed, and nothing is lost.
"""

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from expokeep import clock
from expokeep.catalog.base import Catalog
from expokeep.catalog.values import Opened, PackKind, PackRecord
from expokeep.crash import point
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.model.described import MOST_BYTES, described
from expokeep.model.digest import Digest, digest_of
from expokeep.model.guard import is_edit, is_whole, loss
from expokeep.model.tree import File, diff
from expokeep.pack.format import Manifest
from expokeep.snapshot.build import (
    Blueprint,
    Builder,
    Subject,
    blueprint,
    contents_of,
    pack_record,
)
from expokeep.snapshot.claims import Claim, Claims
from expokeep.snapshot.contents import Contents, Directory
from expokeep.snapshot.look import Look
from expokeep.snapshot.memory import Memory
from expokeep.snapshot.plan import Plan
from expokeep.snapshot.project import NAMED_IN, project_name
from expokeep.snapshot.values import Moment, Policy, Request
from expokeep.spool.spool import Note, SpoolEntry
from expokeep.worktree.index import Index
from expokeep.worktree.reading import KeptChanging

log = get(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What keeping needs."""

    catalog: Catalog
    builder: Builder
    claims: Claims
    policy: Policy


@dataclass(frozen=True, slots=True)
class Sealed:
    """A snapshot that is safe in the spool, and what spares its shipper some work."""

    entry: SpoolEntry
    manifests: Sequence[Manifest]
    standing: Opened | None
    """Where the epoch stood; None if the catalog does not know of the packs yet."""
    claim: Claim


@dataclass(frozen=True, slots=True)
class Keeping:
    """One snapshot that has something to keep."""

    tools: Tools
    request: Request
    moment: Moment
    root: Directory
    memory: Memory
    contents: Contents
    relied: frozenset[Digest] = frozenset()
    """Contents that are kept because versions of this chain name them."""
    retracts: tuple[uuid.UUID, ...] = ()
    """Packs of the versions that this one undoes."""

    def run(self, seen: Look, plan: Plan, standing: Opened | None) -> Sealed:
        """Build and seal. `standing` is None while the catalog cannot be asked.

        Raises:
            KeptChanging: a file is not any more what was seen. Nothing was sealed.
            NoSpace: the spool is full. Nothing was sealed.
        """
        subject = self._subject(plan, standing)
        claim = self.tools.claims.claim(contents_of(subject.delta).keys())
        try:
            return self._sealed(seen, plan, subject, standing, claim)
        except BaseException:
            claim.release()
            raise

    def _sealed(
        self,
        seen: Look,
        plan: Plan,
        subject: Subject,
        standing: Opened | None,
        claim: Claim,
    ) -> Sealed:
        kind: PackKind = "base" if subject.is_full else "incr"
        own = pack_record(subject, self.tools.policy, kind, clock.uuid7())
        named = contents_of(subject.delta).keys()
        known = self._known(standing, own, frozenset(named))
        kept = self.relied.union(known or ())
        drawn = blueprint(subject, self.tools.policy, own, kept)
        claim.keep_only(named - drawn.reused)
        if known is None or not self._announced(standing, drawn):
            standing = None
        point("after-begin")
        note = self._note(seen, plan, subject)
        entry, manifests = self.tools.builder.build(
            self.contents, seen, subject, drawn, note
        )
        point("after-seal")
        self.memory.keep(Index(entry.pack, plan.tree, seen.known))
        point("after-index")
        return Sealed(entry, manifests, standing, claim)

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
        except ExpokeepError as error:
            log.debug("catalog not asked", error=str(error))
            return None

    def _announced(self, standing: Opened | None, drawn: Blueprint) -> bool:
        """Tell the catalog of the packs of big files, if there are any."""
        if standing is None or not drawn.big:
            return standing is not None
        try:
            self.tools.catalog.begin(standing, drawn.packs, ())
        except ExpokeepError:
            return False
        return True

    def _note(self, seen: Look, plan: Plan, subject: Subject) -> Note:
        named_in = self._named_in(seen, plan)
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
            loss=loss(self.memory.index.tree, plan.tree, self.tools.policy.guard),
            is_forced=self.request.is_forced,
            described=tuple(
                (digest_of(data), described(data)) for data in named_in.values()
            ),
            retracts=self.retracts,
            fence=self.memory.fence,
            is_holder=self.memory.is_holder,
        )

    def _named_in(self, seen: Look, plan: Plan) -> dict[bytes, bytes]:
        """Return the files that a project is described in, if one of them is new."""
        if not any(path in seen.held for path in NAMED_IN):
            return {}
        found: dict[bytes, bytes] = {}
        for path in NAMED_IN:
            entry = plan.tree.get(path)
            if not isinstance(entry, File) or entry.size_bytes > MOST_BYTES:
                continue
            held = seen.held.get(path)
            with contextlib.suppress(KeptChanging):  # it is looked at again anyway
                found[path] = self.contents.read(path, entry) if held is None else held
        return found
