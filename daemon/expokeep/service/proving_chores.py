"""Checks and drills that nobody asked for: what they find is logged once."""

import uuid
from dataclasses import dataclass

from expokeep import wiring
from expokeep.catalog.evidence import Proof
from expokeep.check.run import damage_in
from expokeep.check.values import Outcome, Wish
from expokeep.errors import Busy, ExpokeepError
from expokeep.log import get
from expokeep.model.version import Version
from expokeep.service.maintenance import Chore, Stop
from expokeep.settings.subsets import subset_of
from expokeep.settings.values import Settings
from expokeep.wiring import Engine, Proving

log = get(__name__)

DAY_S = 86_400.0


def proving_chores(engine: Engine) -> tuple[Chore, ...]:
    """Return what proves that everything is still there."""
    act = Act(engine)
    settings = engine.settings
    chores = [Chore("check", settings.check.interval_s, act.check)]
    if settings.drill.max_per_day and settings.drill.max_bytes_per_day:
        chores.append(Chore("drill", settings.drill.interval_s, act.drill))
    return tuple(chores)


@dataclass(frozen=True, slots=True)
class Act:
    """Does what is due, on the backends of an engine."""

    engine: Engine

    def check(self, stop: Stop) -> None:
        """Check everything; read the next share of all bytes.

        Raises:
            Busy: the daemon stops, and the check has not come to its end.
        """
        proving, words = self._proving(), self._settings.check.read_data_subset
        before = proving.proofs.telling("check")
        for said in proving.checker.check(Wish(None, subset_of(words), words)):
            if stop():
                raise Busy("the daemon stops; the check begins anew another time")
            if isinstance(said, Outcome):
                tell(said, before)

    def drill(self, stop: Stop) -> None:
        """Restore a version from the bucket alone, if the day's budget allows it."""
        del stop  # one version: it is over soon
        proving = self._proving()
        version = self._next(proving)
        if version is None:
            return
        receipt = proving.drill.drill(version)
        name = f"{version.session}@{version.seq}"
        if receipt.is_well:
            took_s = round(receipt.took_s, 2)
            log.info("version drilled", version=name, took_s=took_s)
        else:
            log.error("version does not restore", version=name, error=receipt.error)

    def _next(self, proving: Proving) -> Version | None:
        """Return the version to drill; what failed last is tried until it is well."""
        limits = self._settings.drill
        today = proving.proofs.since("drill", DAY_S)
        left_bytes = limits.max_bytes_per_day - sum(map(_size_bytes, today))
        if len(today) >= limits.max_per_day or left_bytes <= 0:
            return None
        last = proving.proofs.last("drill")
        failed = None if last is None or last.is_well else _version(proving, last)
        if failed is not None:
            return failed
        seed = uuid.uuid4().hex
        found = proving.drill.sampler.some(1, seed=seed, at_most_bytes=left_bytes)
        return next(iter(found), None)

    def _proving(self) -> Proving:
        engine = self.engine
        return wiring.proving_of(
            engine.settings, engine.backends, engine.fetcher, engine.host
        )

    @property
    def _settings(self) -> Settings:
        return self.engine.settings


def tell(outcome: Outcome, before: Proof | None) -> None:
    """Log what a check found: an error once, not each time the same is found again."""
    took_s = round(outcome.took_s, 2)
    if not outcome.damage:
        log.info("all is well", versions=outcome.versions, took_s=took_s)
        return
    damage = damage_in(outcome)
    if before is not None and damage == before.body.get("damage"):
        log.info("the same damage found again", findings=len(damage), took_s=took_s)
        return
    log.error(
        "damage found",
        findings=len(damage),
        versions=sum(map(len, outcome.affected.values())),
        first=" ".join(damage[0]),
        what_to_do="expokeep check",
    )


def _version(proving: Proving, proof: Proof) -> Version | None:
    """Return the version that a drill was about, unless it is known to be damaged."""
    name = f"{proof.body.get('session')}@{proof.body.get('seq')}"
    try:
        version = proving.naming.version(name)
    except ExpokeepError:
        return None
    damaged = version.parked is not None and version.parked.startswith("damaged: ")
    return None if damaged else version


def _size_bytes(proof: Proof) -> int:
    return int(proof.body.get("size_bytes", 0))
