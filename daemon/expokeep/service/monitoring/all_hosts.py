"""Keeps the figures about all hosts fresh, in the background: no scrape asks Postgres.

What could not be read lately is told as it was; when that was is a figure as well.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from expokeep import clock, wiring
from expokeep.accounting.documents import CostDocument
from expokeep.accounting.run import Accountant
from expokeep.catalog.evidence import Proof
from expokeep.catalog.figures import Figures, Has, PostgresFigures, Used
from expokeep.catalog.statistics import Total
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.model.event import Event
from expokeep.service.app_tables import app_tables
from expokeep.service.monitoring.metric import OTHER, Sample
from expokeep.service.parts import Parts
from expokeep.service.webhook_routes import given_up

log = get(__name__)

EVERY_S = 60.0
SHARE = 0.05
"""Of the time, at most, is spent on it: what takes long is done less often."""
MOST_USERS = 20
"""So many have figures of their own; the rest has one together."""
NOBODY = "nobody"
"""Whose sessions are that no user owns."""

NO_OTHERS = Has(user=None, is_other=True, sessions=0, stored_bytes=0, saves_per_day=0.0)
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was read, and when."""

    samples: tuple[Sample, ...]
    at_s: float
    """By the wall clock."""
    took_s: float


class AllHosts:
    """Reads figures now and then. `act` comes from one thread, the rest from any."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._due_s = clock.monotonic_s()
        self._lock = threading.Lock()
        self._server: tuple[Sample, ...] = ()
        """Apart: with an older schema than ours nothing else may be readable."""
        self._found: Found | None = None
        self._fails = False

    def heard(self, event: Event) -> None:
        """Read soon if somebody had the configuration read again."""
        if event.kind == "daemon.reloaded":
            self._due_s = clock.monotonic_s()

    def act(self) -> None:
        """Read, if it is time."""
        began_s = clock.monotonic_s()
        if began_s < self._due_s:
            return
        self._due_s = began_s + EVERY_S
        try:
            self._server = tuple(_of_server(self._parts))
            samples = tuple(_read(self._parts))
        except ExpokeepError as error:
            self._parts.counts.add("catalog_figures_failures_total")
            if not self._fails:
                log.warning("figures of all hosts not read", error=str(error))
            self._fails = True
            return
        self._fails = False
        took_s = clock.monotonic_s() - began_s
        self._due_s = max(self._due_s, began_s + took_s / SHARE)
        with self._lock:
            self._found = Found(samples, clock.now().timestamp(), took_s)

    def samples(self, _parts: Parts) -> Iterator[Sample]:
        """Tell what was read last."""
        with self._lock:
            found = self._found
        yield from self._server
        yield Sample("catalog_figures_timestamp_seconds", found.at_s if found else 0.0)
        if found is not None:
            yield Sample("catalog_figures_duration_seconds", found.took_s)
            yield from found.samples


def _read(parts: Parts) -> Iterator[Sample]:
    """Ask the catalog for all that it knows of all hosts, or raise."""
    engine = parts.engine
    catalog = engine.backends.catalog
    figures, accountant = wiring.figures_of(catalog), _accountant(parts)
    if figures is None or accountant is None:
        return
    yield from _kept(accountant.statistics.total())
    yield from _money(accountant.cost())
    yield from _figures(_asked(figures, parts))
    proofs = wiring.proofs_of(engine.backends, engine.host)
    if proofs is not None:
        drills = proofs.since("drill", DAY_S)
        yield from _proofs(proofs.telling("check"), proofs.last("drill"), drills)
    yield Sample("webhooks_given_up", given_up(parts))
    app = app_tables(parts)
    yield Sample("app_tables_behind", app.behind_count if app else 0)


def _accountant(parts: Parts) -> Accountant | None:
    return wiring.accountant_of(parts.settings, parts.engine.backends.catalog)


def _asked(figures: PostgresFigures, parts: Parts) -> Figures:
    return figures.figures(
        parts.engine.host,
        most_users=MOST_USERS,
        max_builds=parts.settings.limits.max_builds_per_user,
    )


def _of_server(parts: Parts) -> Iterator[Sample]:
    if not parts.settings.database.configured:
        return
    catalog = parts.engine.backends.catalog
    status = catalog.schema_status()
    if status.found is not None:
        yield Sample("schema_version", status.found, ("found",))
    yield Sample("schema_version", status.known, ("known",))
    before = clock.now()
    theirs = catalog.server_time()
    middle = before + (clock.now() - before) / 2
    yield Sample("clock_skew_seconds", (middle - theirs).total_seconds())


def _kept(total: Total) -> Iterator[Sample]:
    yield Sample("kept_sessions", total.sessions, ("live",))
    yield Sample("kept_sessions", total.deleted_sessions, ("deleted",))
    yield Sample("kept_versions", total.versions)
    yield Sample("kept_objects", total.objects)
    yield Sample("kept_bytes", total.logical_bytes, ("logical",))
    yield Sample("kept_bytes", total.head_bytes, ("head",))
    yield Sample("kept_bytes", total.distinct_bytes, ("distinct",))
    yield Sample("kept_bytes", total.stored_bytes, ("stored",))
    yield Sample("kept_bytes", total.going_bytes, ("going",))
    yield Sample("kept_saves", total.saves)
    yield Sample("kept_restores", total.restores)
    yield Sample("kept_active_sessions", total.active_sessions)
    yield Sample("kept_restored_sessions", total.restored_sessions)


def _money(cost: CostDocument) -> Iterator[Sample]:
    yield Sample("cost_month_dollars", cost.so_far.total_usd, ("so_far",))
    yield Sample("cost_month_dollars", cost.projected.total_usd, ("projected",))
    yield Sample("cost_month_budget_dollars", cost.monthly_budget)


def _figures(found: Figures) -> Iterator[Sample]:
    now = found.now
    yield Sample("kept_parked_versions", now.parked_sessions)
    yield Sample("held_elsewhere", now.held_alive, ("alive",))
    yield Sample("held_elsewhere", now.held_silent, ("silent",))
    yield Sample("shares", now.live_shares, ("live",))
    yield Sample("shares", now.expired_shares, ("expired",))
    yield Sample("shares", now.revoked_shares, ("revoked",))
    yield Sample("shares", now.used_up_shares, ("used_up",))
    for refusals in found.turned_away:
        yield Sample("share_refusals", refusals.count, (refusals.reason,))
    now_s = clock.now().timestamp()
    for chore in found.done:
        at_s = now_s - chore.age_s
        yield Sample("chore_last_success_timestamp_seconds", at_s, (chore.name,))
    others = [] if any(has.is_other for has in found.has) else [NO_OTHERS]
    for has in [*found.has, *others]:
        labels = (label_of(has),)
        yield Sample("user_stored_bytes", has.stored_bytes, labels)
        yield Sample("user_sessions", has.sessions, labels)
        yield Sample("user_saves_per_day", has.saves_per_day, labels)
    yield from _quotas(found.used)


def _quotas(found: list[Used]) -> Iterator[Sample]:
    for used in found:
        user = label_of(used)
        if used.builds_ratio is not None:
            yield Sample("user_quota_used_ratio", used.builds_ratio, (user, "builds"))
        if used.bytes_ratio is not None:
            yield Sample("user_quota_used_ratio", used.bytes_ratio, (user, "bytes"))
    for level, count in (
        ("80", sum(one.near_80 for one in found)),
        ("95", sum(one.near_95 for one in found)),
        ("100", sum(one.near_100 for one in found)),
    ):
        yield Sample("users_near_quota", count, (level,))


def _proofs(
    check: Proof | None, drill: Proof | None, drills: list[Proof]
) -> Iterator[Sample]:
    for proof in (check, drill):
        if proof is not None:
            labels, at_s = (proof.kind,), proof.ended_at.timestamp()
            yield Sample("proof_well", proof.is_well, labels)
            yield Sample("proof_timestamp_seconds", at_s, labels)
    if check is not None:
        yield Sample("damage_found", len(check.body.get("damage") or []))
    well = sum(one.is_well for one in drills)
    yield Sample("drills_last_day", well, ("well",))
    yield Sample("drills_last_day", len(drills) - well, ("failed",))


def label_of(row: Has | Used) -> str:
    """Return what a user is called; who bears one of our own words gets a prefix.

    >>> label_of(Has("ann", False, 1, 1, 1)), label_of(Has(None, True, 1, 1, 1))
    ('ann', 'other')
    >>> label_of(Has("other", False, 1, 1, 1)), label_of(Has(None, False, 1, 1, 1))
    ('user:other', 'nobody')
    """
    if row.user is None:
        return OTHER if row.is_other else NOBODY
    is_ours = row.user in (OTHER, NOBODY) or row.user.startswith("user:")
    return f"user:{row.user}" if is_ours else row.user
