"""Reads how the parts of this process are, for a scrape. Asks and awaits no server.

What is counted is not known here, nor what the catalog says about all hosts.
"""

import os
import platform
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import expokeep
from expokeep import clock
from expokeep.log import get
from expokeep.service.board import Line
from expokeep.service.lines import state_of
from expokeep.service.monitoring.here import LEFT_OUT, SPOOL_STATES, STATES
from expokeep.service.monitoring.metric import Sample, Spread
from expokeep.service.monitoring.unsaved import ages_s, unsaved
from expokeep.service.parts import Parts
from expokeep.settings.cost import Cost
from expokeep.store.usage import Usage, class_of

log = get(__name__)

Reader = Callable[[Parts], Iterator[Sample | Spread]]

_MAX_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


def daemon(parts: Parts) -> Iterator[Sample]:
    """Tell how the process is."""
    yield Sample("build_info", 1, (expokeep.__version__, platform.python_version()))
    yield Sample("worker_stuck_seconds", parts.savers.stuck_s(), ("saver",))
    yield Sample("worker_stuck_seconds", parts.shippers.stuck_s(), ("shipper",))
    yield Sample("watchdog_pings_total", parts.pulse.beats)
    yield Sample("watchdog_last_ping_timestamp_seconds", parts.pulse.beat_at_s)
    read_at_s = parts.config_read_at.timestamp()
    yield Sample("config_last_reload_successful", parts.is_config_good)
    yield Sample("config_last_reload_timestamp_seconds", read_at_s)
    yield Sample("drained", parts.is_drained)
    yield Sample("paused", None in parts.shipping.pauses.now)


def not_saved(parts: Parts) -> Iterator[Sample]:
    """Tell what is in no recorded version."""
    objective_s = parts.settings.objective_s
    ages = ages_s(unsaved(parts), clock.now())
    yield Sample("oldest_unsaved_change_age_seconds", max(ages, default=0.0))
    yield Sample("objective_seconds", objective_s)
    yield Sample("sessions_beyond_objective", sum(age > objective_s for age in ages))


def sessions(parts: Parts) -> Iterator[Sample]:
    """Tell what the directories are at."""
    lines = parts.board.lines()
    waiting, held = set(parts.engine.spool.sessions()), parts.shipping.pauses.now
    states: Counter[str] = Counter()
    for line in lines:
        session = line.directory.session
        is_held = None in held or session in held
        states[state_of(line, is_held=is_held, waits=session in waiting)] += 1
    for state in STATES:
        yield Sample("sessions", states[state], (state,))
    why = Counter(_not_captured(line) for line in lines)
    why["left_alone"] = parts.board.left_alone_count
    for reason in ("spool", "too_big", "failed", "left_alone"):
        yield Sample("sessions_not_captured", why[reason], (reason,))
    left_out = Counter[str](why for line in lines for why in line.skipped.values())
    for reason, label in LEFT_OUT.items():
        yield Sample("files_left_out", left_out[reason], (label,))


def early(parts: Parts) -> Iterator[Sample]:
    """Tell what is taken between two snapshots."""
    capturing = parts.engine.snapshotter.capturing
    if capturing is None:
        return
    count = capturing.allowance.count()
    yield Sample("early_captures_total", count.captured, ("taken",))
    yield Sample("early_captures_total", count.dropped, ("dropped",))
    yield Sample("early_lag_seconds", count.lag_s)
    yield Sample("early_open_files", count.pinned)
    yield Sample("early_bytes", count.size_bytes)


def bucket(parts: Parts) -> Iterator[Sample]:
    """Tell what was asked of the bucket, and how that went."""
    is_there = parts.settings.storage.configured
    yield Sample("store_configured", is_there)
    if not is_there:
        return
    usage = parts.engine.backends.store.usage()
    for (operation, outcome), count in usage.outcomes.items():
        labels = (operation, class_of(operation), outcome)
        yield Sample("store_requests_total", count, labels)
    for verb, count in usage.retries.items():
        yield Sample("store_retries_total", count, (verb,))
    yield Sample("store_sent_bytes_total", usage.bytes_sent)
    yield Sample("store_received_bytes_total", usage.bytes_received)
    yield from _cost(usage, parts.settings.cost)
    yield Sample("store_up", usage.last_outcome in (None, "ok"))
    at_s = usage.last_ok_at.timestamp() if usage.last_ok_at else 0.0
    yield Sample("store_last_success_timestamp_seconds", at_s)


def catalog(parts: Parts) -> Iterator[Sample]:
    """Tell whether the catalog answers, as the last heartbeat found."""
    database = parts.settings.database
    yield Sample("catalog_configured", database.configured)
    if not database.configured:
        return
    heard_s = parts.catalog_heard_at.timestamp() if parts.catalog_heard_at else 0.0
    is_up = parts.catalog_error is None and heard_s > 0
    age_s = clock.now().timestamp() - heard_s
    holds = is_up and not parts.is_drained and age_s < database.lease_ttl_s
    yield Sample("catalog_up", is_up)
    yield Sample("catalog_last_success_timestamp_seconds", heard_s)
    yield Sample("lease_held", holds)


def spool(parts: Parts) -> Iterator[Sample]:
    """Tell what waits here, and how much room there is."""
    rooms, backlog = parts.rooms, parts.engine.spool.backlog()
    room, oldest = rooms.look(), backlog.oldest_at
    age_s = (clock.now() - oldest).total_seconds() if oldest else 0.0
    yield Sample("spool_entries", backlog.entries)
    yield Sample("spool_folds", backlog.folds)
    yield Sample("spool_bytes", backlog.disk_bytes)
    yield Sample("spool_max_bytes", rooms.bounds.max_size_bytes)
    yield Sample("spool_oldest_age_seconds", max(0.0, age_s))
    yield Sample("spool_disk_free_bytes", room.free_bytes)
    yield Sample("spool_disk_min_free_bytes", rooms.bounds.min_free_bytes)
    if os.statvfs(rooms.bounds.path).f_files:
        yield Sample("spool_disk_free_inodes", room.free_inodes)
    for state in SPOOL_STATES:
        yield Sample("spool_state", rooms.state == state, (state,))
    yield Sample("spool_refused_sessions", len(room.refused))
    yield Sample("spool_damaged_entries", len(parts.engine.spool.damaged))
    yield Sample("spool_held_up_sessions", len(parts.shipping.errors()))


def watching(parts: Parts) -> Iterator[Sample]:
    """Tell what is watched, and what is not."""
    stats = parts.observer.stats()
    yield Sample("watches", stats.watches)
    yield Sample("watches_limit", int(_MAX_WATCHES.read_text()))
    yield Sample("watch_degraded_sessions", len(stats.degraded))
    yield Sample("watch_unwatched_roots", len(stats.unwatched_roots))
    yield Sample("watch_invalid_names", len(stats.invalid_names))
    yield Sample("watch_overflows_total", stats.overflows)
    yield Sample("watch_errors_total", stats.errors)
    yield Sample("watch_rebuilds_total", stats.rebuilds)
    yield Sample("watch_last_proof_age_seconds", parts.observer.proof_age_s())


def chores(parts: Parts) -> Iterator[Sample]:
    """Tell what this daemon looks after."""
    if parts.maintenance is None:
        return
    for chore in parts.maintenance.chores:
        yield Sample("chore_interval_seconds", chore.every_s, (chore.name,))
    for outcome in [*parts.maintenance.outcomes.values()]:
        labels = (outcome.name,)
        yield Sample("chore_last_duration_seconds", outcome.took_s, labels)


READERS: tuple[Reader, ...] = (
    *(daemon, not_saved, sessions, early, bucket, catalog, spool, watching, chores),
)


def read(
    parts: Parts, readers: tuple[Reader, ...] = READERS
) -> Iterator[Sample | Spread]:
    """Yield what all of them tell; what one cannot tell does not hide the rest."""
    began_s = clock.monotonic_s()
    for reader in readers:
        try:
            told = list(reader(parts))
        except Exception:
            # What cannot be told must not hide the rest, and is counted.
            log.exception("metrics not read", part=reader.__name__)
            parts.counts.add("scrape_errors_total")
        else:
            yield from told
    yield Sample("scrape_duration_seconds", clock.monotonic_s() - began_s)


def _not_captured(line: Line) -> str:
    if line.refused is not None:
        return "spool"
    if line.too_big is not None:
        return "too_big"
    return "failed" if line.last_error else ""


def _cost(usage: Usage, cost: Cost) -> Iterator[Sample]:
    a_each, b_each = cost.class_a_per_million, cost.class_b_per_million
    for label, count, per_million in (
        ("a", usage.class_a, a_each),
        ("b", usage.class_b, b_each),
    ):
        dollars = float(count * per_million / 1_000_000)
        yield Sample("store_request_cost_dollars_total", dollars, (label,))
