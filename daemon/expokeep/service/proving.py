"""The verbs of the control socket that prove what is kept. All are for operators."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from expokeep import wiring
from expokeep.check import documents
from expokeep.check.mending import Repaired, Step
from expokeep.check.values import Finding, Outcome, Progress, Wish
from expokeep.control.routes import Call, Handler, Lines, Reply
from expokeep.errors import Busy, UsageError
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.restore.drill import drilled
from expokeep.service import bodies
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights
from expokeep.settings.subsets import subset_of
from expokeep.wiring import chosen_versions

log = get(__name__)

Said = Progress | Finding | Outcome | Step | Repaired


class CheckWish(msgspec.Struct):
    """What a request says of a check."""

    session: str | None = None
    read: str | None = None


class RepairWish(msgspec.Struct):
    """What a request says of a repair."""

    what: str
    dry_run: bool = False
    read: str | None = None


class DrillWish(msgspec.Struct):
    """What a request says of drills."""

    version: str | None = None
    random: int = 1


@dataclass(frozen=True, slots=True)
class ProvingRoutes:
    """Checks, repairs and drills for whoever asks."""

    parts: Parts
    rights: Rights
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("POST", "/v1/check", self.check),
            ("POST", "/v1/drills", self.drill),
            ("POST", "/v1/repair", self.repair),
        )

    def check(self, call: Call) -> Reply:
        """Check everything, or one session; tell what is found as it is found."""
        self.rights.require_operator(call.peer)
        wish = bodies.body(call, CheckWish)
        proving = self._proving()
        session = proving.naming.session(wish.session) if wish.session else None
        asked = Wish(session, subset_of(wish.read), wish.read)
        return Lines(self._alone_with(proving.checker.check(asked), "check"))

    def drill(self, call: Call) -> Reply:
        """Restore versions from the bucket alone, and tell what came of it."""
        self.rights.require_operator(call.peer)
        wish = bodies.body(call, DrillWish)
        proving = self._proving()
        versions = chosen_versions(proving, wish.version, wish.random)
        return Lines(
            msgspec.json.encode(one) for one in drilled(proving.drill, versions)
        )

    def repair(self, call: Call) -> Reply:
        """Mend what a check finds, or say what would be mended."""
        self.rights.require_operator(call.peer)
        wish = bodies.body(call, RepairWish)
        said = self._repaired(wish)
        return Lines(self._alone_with(said, f"repair {wish.what}"))

    def _repaired(self, wish: RepairWish) -> Iterator[Said]:
        subset = subset_of(wish.read)
        if wish.what == "spool":
            spool = wiring.spool_repairer_of(self.parts.engine, self._homes)
            return spool.repair(dry_run=wish.dry_run)
        if wish.what not in ("catalog", "manifests"):
            raise UsageError(f"repair catalog, manifests or spool, not {wish.what!r}")
        repairer = wiring.repairer_of(self.parts.engine, self._homes)
        act = repairer.catalog if wish.what == "catalog" else repairer.manifests
        said = act(dry_run=wish.dry_run, subset=subset)
        return said if wish.dry_run else self._beside_no_maintenance(said)

    def _beside_no_maintenance(self, said: Iterator[Said]) -> Iterator[Said]:
        """Repair while nobody sweeps or merges, here or on another host."""
        with contextlib.ExitStack() as stack:
            if self.parts.maintenance is not None:
                stack.enter_context(self.parts.maintenance.alone())
            yield from said

    def _homes(self, session: SessionId) -> list[Path]:
        return [line.path for line in self.parts.board.lines(session)]

    def _proving(self) -> wiring.Proving:
        engine = self.parts.engine
        return wiring.proving_of(
            engine.settings, engine.backends, engine.fetcher, engine.host
        )

    def _alone_with(self, said: Iterator[Said], what: str) -> Iterator[bytes]:
        """Yield what a check or a repair says, one of them at a time; log its end."""
        if not self._alone.acquire(blocking=False):
            raise Busy("a check or a repair is under way already")
        try:
            for one in said:
                if isinstance(one, Outcome):
                    damage, took_s = len(one.damage), round(one.took_s, 2)
                    log.info("check ended", damage=damage, took_s=took_s)
                elif isinstance(one, Step):
                    log.info(what, action=one.action, detail=one.detail)
                yield msgspec.json.encode(documents.document_of(one))
        finally:
            self._alone.release()
