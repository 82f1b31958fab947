"""Checks what is kept: reads both sides, says what differs, and writes that down.

Read-only, but for two notes: contents that were found missing or damaged are doubted,
so that nobody counts on them any more, and the outcome is recorded as a proof. What was
found damaged once is read again each time, until it is good.
"""

import datetime
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace

from expokeep import clock
from expokeep.catalog.evidence import PackRow, Proof, Proofs
from expokeep.check import chains, plan, verdict
from expokeep.check.ports import Ledger
from expokeep.check.reading import Report, read_pack
from expokeep.check.subset import chosen
from expokeep.check.values import Finding, Outcome, Progress, Wish
from expokeep.errors import NotFound
from expokeep.store.base import Store

READERS = 4
"""Packs that are read at once; each holds at most some 30 MiB."""
MOST_TOLD = 1000
"""Findings that a proof names. All are counted."""
_TELL_EVERY_SESSIONS = 100

Said = Progress | Finding | Outcome


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks a catalog and its bucket. One check at a time."""

    ledger: Ledger
    proofs: Proofs
    store: Store
    executor: Executor
    prefix: str
    """Of the keys of all packs of this catalog; ends in a slash."""
    now: Callable[[], datetime.datetime]

    def check(self, wish: Wish) -> Iterator[Said]:
        """Yield how far it is, what is found, and at last the outcome.

        Whoever stops early has checked nothing: no proof is recorded.

        Raises:
            NotFound: there is no such session.
            BackendUnreachable, AccessDenied: nothing can be said.
        """
        yield from _Check(self, wish, self.now()).run()


@dataclass(slots=True)
class _Check:
    tools: Checker
    wish: Wish
    started_at: datetime.datetime
    findings: list[Finding] = field(default_factory=list)
    suspects: set[uuid.UUID] = field(default_factory=set)
    """Packs to read, whatever else is read."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Of all objects that were listed, by key."""
    sessions: int = 0
    versions: int = 0
    read_packs: int = 0
    read_bytes: int = 0

    def run(self) -> Iterator[Said]:
        began_s = clock.monotonic_s()
        before = self.tools.proofs.last("check")
        yield from self._histories()
        packs = self._packs()
        yield Progress(0, 0, f"listing {len(packs)} packs")
        yield from self._objects(packs)
        known = {pack.id for pack in packs}
        suspects = _suspects_of(before)
        self.suspects |= suspects & known
        self.suspects |= {pack.id for pack in packs if pack.is_doubted}
        turn, cursor = chosen(
            list(filter(plan.needs_object, packs)),
            self.wish.subset,
            _cursor_of(before),
        )
        yield from self._read(packs, {pack.id for pack in turn})
        outcome = Outcome(
            session=self.wish.session,
            read=self.wish.words,
            sessions=self.sessions,
            versions=self.versions,
            packs=len(packs),
            objects=len(self.sizes),
            read_packs=self.read_packs,
            read_bytes=self.read_bytes,
            findings=tuple(self.findings),
            took_s=clock.monotonic_s() - began_s,
        )
        # What was not looked at stays as it was.
        elsewhere = set() if self.wish.session is None else suspects - known
        cursor = cursor if self.wish.session is None else _cursor_of(before)
        self._record(outcome, cursor, elsewhere)
        yield outcome

    # --- the rows of sessions -----------------------------------------------------

    def _histories(self) -> Iterator[Said]:
        wanted = self.wish.session
        sessions = self.tools.ledger.sessions() if wanted is None else [wanted]
        for number, session in enumerate(sessions):
            if number % _TELL_EVERY_SESSIONS == 0:
                yield Progress(0, 0, f"session {number + 1} of {len(sessions)}")
            rows = self.tools.ledger.session(session)
            if rows is None:
                if wanted is not None:
                    raise NotFound(f"no session {session} is kept")
                continue
            self.sessions += 1
            self.versions += len(rows.versions)
            yield from self._found(chains.faults(rows))

    # --- rows and objects -----------------------------------------------------------

    def _packs(self) -> list[PackRow]:
        if self.wish.session is None:
            return list(self.tools.ledger.packs())
        return self.tools.ledger.packs_of(self.wish.session)

    def _objects(self, packs: Sequence[PackRow]) -> Iterator[Said]:
        for prefix in self._prefixes(packs):
            for found in self.tools.store.list(prefix):
                self.sizes[found.key] = found.size_bytes
        if self.wish.session is not None:
            # Of other sessions only what this one stands on.
            own = f"{self.tools.prefix}{self.wish.session}/"
            keys = {pack.key for pack in packs}
            self.sizes = {
                key: size
                for key, size in self.sizes.items()
                if key in keys or key.startswith(own)
            }
        differing = plan.compare(packs, self.sizes)
        yield from self._found(plan.wrong_states(packs))
        yield from self._missing(differing.missing)
        yield from self._doomed(differing.doomed)
        yield from self._strange(differing.strange)
        self.suspects |= {pack.id for pack, _ in differing.resized}

    def _prefixes(self, packs: Iterable[PackRow]) -> Iterable[str]:
        if self.wish.session is None:
            return (self.tools.prefix,)
        places = {f"{pack.key.rpartition('/')[0]}/" for pack in packs}
        return sorted(places | {f"{self.tools.prefix}{self.wish.session}/"})

    def _missing(self, packs: Sequence[PackRow]) -> Iterator[Finding]:
        for pack in self._still(packs, there=False):
            if plan.needs_object(pack):
                named = {place.digest for place in self.tools.ledger.places(pack.id)}
                yield from self._judged(pack, [verdict.missing(pack, named)])

    def _doomed(self, packs: Sequence[PackRow]) -> Iterator[Finding]:
        for pack in self._still(packs, there=True):
            if plan.is_left_behind(pack):
                yield from self._found([verdict.doomed(pack)])

    def _strange(self, keys: Sequence[str]) -> Iterator[Finding]:
        known = self.tools.ledger.known_keys(keys) if keys else frozenset()
        left = [key for key in keys if key not in known]
        found = self.tools.executor.map(self.tools.store.head, left)
        for key, there in zip(left, found, strict=True):
            if there is not None:
                yield from self._found([verdict.orphan(key, there.size_bytes)])

    def _still(self, packs: Sequence[PackRow], *, there: bool) -> Iterator[PackRow]:
        """Yield packs as they are now, if their object is still there, or not."""
        now = list(self.tools.ledger.packs([one.id for one in packs])) if packs else []
        heads = self.tools.executor.map(self.tools.store.head, [one.key for one in now])
        for pack, found in zip(now, heads, strict=True):
            if (found is not None) == there:
                yield pack

    # --- contents ---------------------------------------------------------------------

    def _read(self, packs: Iterable[PackRow], turn: set[uuid.UUID]) -> Iterator[Said]:
        wanted = [
            pack
            for pack in packs
            if pack.id in turn | self.suspects
            and pack.key in self.sizes
            and plan.needs_object(pack)
        ]
        total_bytes = sum(self.sizes[pack.key] for pack in wanted)
        waiting, under_way = iter(wanted), deque[Future[Report]]()
        try:
            while True:
                while len(under_way) < READERS and (pack := next(waiting, None)):
                    under_way.append(self._start(pack))
                if not under_way:
                    return
                report = under_way.popleft().result()
                self.read_packs += 1
                self.read_bytes += report.read_bytes
                yield from self._reported(report)
                yield Progress(self.read_bytes, total_bytes, "reading")
        finally:
            for future in under_way:
                future.cancel()

    def _start(self, pack: PackRow) -> Future[Report]:
        places = self.tools.ledger.places(pack.id)
        size_bytes = self.sizes[pack.key]
        return self.tools.executor.submit(
            read_pack, self.tools.store, pack, size_bytes, places
        )

    def _reported(self, report: Report) -> Iterator[Finding]:
        """Say what is wrong with a pack, if it still is the pack that was read."""
        pack = report.pack
        is_well = not (report.is_missing or report.damaged or report.misplaced)
        if is_well and not report.faults and report.size_bytes == pack.size_bytes:
            if pack.is_doubted:
                self.tools.ledger.doubt(pack.id, report.good, doubted=False)
            return
        now = next(iter(self.tools.ledger.packs([pack.id])), None)
        if now is None or not plan.needs_object(now):
            return  # it was swept meanwhile
        report = replace(report, pack=now)
        named = {place.digest for place in self.tools.ledger.places(pack.id)}
        yield from self._judged(now, verdict.findings(report, named))
        sound = report.good.difference(report.misplaced)
        self.tools.ledger.doubt(pack.id, sound, doubted=False)

    def _judged(self, pack: PackRow, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Say which versions a finding is about, and let nobody count on the rest."""
        ledger = self.tools.ledger
        for one in findings:
            if one.digests:
                ledger.doubt(pack.id, one.digests, doubted=True)
            affected = ledger.naming(one.digests) if one.digests else {}
            untold = {}
            if one.kind in ("missing-object", "wrong-size", "damaged-manifest"):
                untold = ledger.told_by(pack.id)
            yield from self._found([replace(one, affected=affected, untold=untold)])

    def _found(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            self.findings.append(finding)
            yield finding

    def _record(self, outcome: Outcome, cursor: int, elsewhere: set[uuid.UUID]) -> None:
        suspects = {one.pack for one in outcome.damage if one.pack is not None}
        self.tools.proofs.record(
            "check",
            self.started_at,
            is_well=not outcome.damage,
            body=body_of(outcome, cursor, suspects | elsewhere),
        )


def body_of(
    outcome: Outcome, cursor: int, suspects: Iterable[uuid.UUID]
) -> dict[str, object]:
    """Return what is written down of a check, for people and for the next one."""
    counts: dict[str, int] = {}
    for one in outcome.findings:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return {
        "session": outcome.session,
        "read": outcome.read,
        "sessions": outcome.sessions,
        "versions": outcome.versions,
        "packs": outcome.packs,
        "objects": outcome.objects,
        "read_packs": outcome.read_packs,
        "read_bytes": outcome.read_bytes,
        "findings": counts,
        "damage": damage_in(outcome),
        "cursor": cursor,
        "suspects": sorted(map(str, suspects)),
    }


def damage_in(outcome: Outcome) -> list[list[str]]:
    """Return what is damaged, each by its kind and by what it is about."""
    told = sorted([one.kind, str(one.key or one.session)] for one in outcome.damage)
    return told[:MOST_TOLD]


def _suspects_of(proof: Proof | None) -> set[uuid.UUID]:
    texts = proof.body.get("suspects", ()) if proof else ()
    return {uuid.UUID(text) for text in texts}


def _cursor_of(proof: Proof | None) -> int:
    return int(proof.body.get("cursor", 0)) if proof else 0
