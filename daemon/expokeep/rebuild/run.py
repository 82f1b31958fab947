"""Makes a catalog anew of what the bucket holds; may be stopped and gone on with.

Everything is read first: heads of packs, and facts. Then packs and what they hold are
made known, as intents; then each session gets back all of its own in one transaction,
which also makes its packs live. Whoever is killed reads on where that was not done.
"""

import itertools
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.catalog.faults import CatalogRefused
from expokeep.catalog.revival import Standing
from expokeep.catalog.values import BaseMoved, Place
from expokeep.crash import point
from expokeep.errors import ExpokeepError
from expokeep.model.digest import Digest
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId, parse_session_id
from expokeep.rebuild.heads import Damaged, Heads, Listed, listed
from expokeep.rebuild.heard import Heard
from expokeep.rebuild.places import places_of, record_of
from expokeep.rebuild.ports import ReadCatalog, RebuildCatalog
from expokeep.rebuild.session import Evidence, Planned, planned
from expokeep.rebuild.values import Progress, Report
from expokeep.store.base import ObjectInfo, Store

_AT_ONCE = 200
"""Packs that are made known in one transaction."""
_AHEAD = 256
TRIES = 5
"""How often a session may grow while it is planned."""


class CatalogNotEmpty(ExpokeepError):
    """A catalog that holds something is not rebuilt."""

    exit_code = 4
    hint = (
        "`rebuild --from-bucket --missing` adds what it does not have. To begin anew, "
        "drop the schema: docs/RUNBOOK.md, Postgres is lost."
    )


@dataclass(frozen=True, slots=True)
class Tools:
    """What a rebuild needs."""

    store: Store
    prefix: str
    catalog: RebuildCatalog
    read: ReadCatalog
    limits: Limits
    place: Path
    """A directory for what was read, until the rebuild has ended."""
    executor: Executor
    generation_of: Callable[[Iterable[ObjectInfo]], int]
    """Tells how far the bucket's deletions have come."""
    progress: Progress
    note: Callable[[], object]
    """Writes the facts that wait into the bucket."""


def rebuilt(tools: Tools, *, dry_run: bool = False) -> Report:
    """Make an empty catalog what it was; a dry run only says what would come of it.

    Raises:
        CatalogNotEmpty: something is kept that is not of this rebuild.
        BackendUnreachable, AccessDenied: it can be gone on with later.
    """
    if not dry_run and not tools.catalog.begin():
        raise CatalogNotEmpty("the catalog holds sessions already")
    point("after-rebuild-begin")
    run = Run(tools, dry_run=dry_run)
    settled = frozenset() if dry_run else tools.catalog.settled()
    run.read(pack for pack in run.packs() if pack.key not in settled)
    if not dry_run:
        run.expect()
    run.revive(run.heard.newest)
    if not dry_run:
        report = run.report
        tools.catalog.end(report.generation, run.heard.newest_at)
        point("after-rebuild-end")
        shutil.rmtree(tools.place, ignore_errors=True)
    return run.report


@dataclass(slots=True)
class Run:
    """One rebuild under way."""

    tools: Tools
    dry_run: bool
    is_adding: bool = False
    """To a catalog that holds something."""
    report: Report = field(default_factory=Report)
    heads: Heads = field(init=False)
    heard: Heard = field(init=False)
    found: dict[SessionId, list[Listed]] = field(default_factory=dict)
    held: set[Digest] = field(default_factory=set)
    """In a dry run: contents that some pack holds."""
    _objects: Sequence[ObjectInfo] = ()
    _owners: dict[uuid.UUID, SessionId] = field(default_factory=dict)
    """Of each pack, the session whose it is."""

    def __post_init__(self) -> None:
        tools = self.tools
        self.heads = Heads(tools.store, tools.place / "heads", tools.executor, _AHEAD)
        self.heard = Heard(tools.place / "facts")
        self._objects = tuple(tools.store.list(tools.prefix))
        self.report.generation = tools.generation_of(self._objects)

    def packs(self) -> list[Listed]:
        """Return the packs in the bucket."""
        return list(listed(self._objects, self.tools.prefix))

    def read(self, packs: Iterable[Listed]) -> None:
        """Read facts and the heads of packs."""
        tools, report, wanted = self.tools, self.report, list(packs)
        damaged = self.heard.read(
            tools.store, self._objects, tools.prefix, tools.executor
        )
        report.damaged.extend(damaged)
        report.facts, report.facts_at = self.heard.count, self.heard.newest_at
        found = defaultdict(list)
        for number, fetched in enumerate(self.heads.fetch(wanted), 1):
            point("after-rebuild-head")
            one = self._own(fetched)
            if isinstance(one, Damaged):
                report.damaged.append(one)
            else:
                report.packs += 1
                found[one.name.session].append(one)
            tools.progress("reading", number, len(wanted))
        self.found = dict(found)

    def _own(self, pack: Listed | Damaged) -> Listed | Damaged:
        """Return a pack, unless it has the id of one of another session."""
        if isinstance(pack, Damaged):
            return pack
        own = self.heads.manifest(pack).pack
        owner = self._owners.setdefault(own, pack.name.session)
        if owner == pack.name.session:
            return pack
        return Damaged(pack.key, f"pack {own} is of session {owner} already")

    def expect(self) -> None:
        """Make all packs known, and what they hold."""
        for session, packs in self.found.items():
            # What was merged is found in the merge: the packs before it may go.
            packs.sort(key=lambda pack: (-pack.name.level, pack.name.pack))
            for start in range(0, len(packs), _AT_ONCE):
                some = packs[start : start + _AT_ONCE]
                manifests = [self.heads.manifest(pack) for pack in some]
                records = [
                    record_of(pack, manifest)
                    for pack, manifest in zip(some, manifests, strict=True)
                ]
                places = _each_once(
                    place
                    for record, manifest in zip(records, manifests, strict=True)
                    for place in places_of(record, manifest)
                )
                self.tools.catalog.expect(session, records, places)
                point("after-rebuild-expect")

    def revive(self, spoken: Iterable[str]) -> None:
        """Give back what they had to sessions with packs, and to those in `spoken`."""
        sessions = sorted(set(map(parse_session_id, spoken)) | self.found.keys())
        if self.dry_run:
            self.held = {
                blob.digest
                for pack in itertools.chain.from_iterable(self.found.values())
                for blob in self.heads.manifest(pack).blobs
            }
        for number, session in enumerate(sessions, 1):
            self._revive(session)
            point("after-rebuild-session")
            self.tools.progress("rebuilding", number, len(sessions))

    def _revive(self, session: SessionId) -> None:
        for tries_left in reversed(range(TRIES)):
            try:
                self._revive_once(session)
            except BaseMoved:
                # A daemon was faster: what is planned must start from there.
                if not tries_left:
                    raise
            except CatalogRefused as error:
                # Whoever can write the bucket must not keep the others from it.
                self.report.damaged.append(Damaged(f"session {session}", str(error)))
                return
            else:
                return

    def _revive_once(self, session: SessionId) -> None:
        packs, catalog = self.found.get(session, []), self.tools.catalog
        manifests = [self.heads.manifest(pack) for pack in packs]
        standing = self._standing(session)
        plan = planned(
            Evidence(
                session,
                self.heard.of(session),
                manifests,
                standing,
            ),
            self._holds,
            self.tools.limits,
            self.tools.read,
        )
        if not packs and not standing.last_seq:
            return  # facts of a session of which the bucket holds nothing
        if not self.dry_run:
            ids = {manifest.pack for manifest in manifests}
            catalog.revive(session, plan.revival, ids)
        self._note(session, plan)

    def _standing(self, session: SessionId) -> Standing:
        if self.dry_run and not self.is_adding:
            return Standing()
        return self.tools.catalog.standing(session)

    def _holds(self, digests: Collection[Digest]) -> Collection[Digest]:
        if self.dry_run and not self.is_adding:
            return self.held
        return self.held | self.tools.read.places(digests).keys()

    def _note(self, session: SessionId, plan: Planned) -> None:
        report, revival = self.report, plan.revival
        report.sessions += 1
        report.versions += len(revival.versions)
        report.adopted += sum(one.trigger == "adopted" for one in revival.versions)
        report.parked += sum(one.parked is not None for one in revival.versions)
        report.damaged.extend(
            Damaged(f"a fact of {session}", reason) for reason in plan.unreadable
        )
        report.doubts.extend((session, doubt) for doubt in plan.doubts)
        if revival.state is None:
            report.ownerless.append(session)


def _each_once(places: Iterable[Place]) -> list[Place]:
    found: dict[Digest, Place] = {}
    for place in places:
        found.setdefault(place.digest, place)
    return list(found.values())
