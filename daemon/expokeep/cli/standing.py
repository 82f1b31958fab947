"""How the daemon and its sessions stand, in words: for `status` and for `top`."""

import click

from expokeep import clock
from expokeep.cli import text
from expokeep.cli.table import table
from expokeep.history.app_tables_status import AppTablesStatus
from expokeep.history.documents import SessionStatus, Status
from expokeep.history.monitoring_status import MonitoringStatus
from expokeep.history.spool_status import SpoolStatus
from expokeep.model import size
from expokeep.model.proof import ProofDocument
from expokeep.settings.units import shown_duration

HEADERS = ("SESSION", "STATE", "VERSION", "SAVED", "UNSAVED", "NOTE")


def summary(status: Status) -> list[str]:
    """Return how the daemon is, a line for each thing to know."""
    spool, watch = status.spool, status.watch
    paused = sum(session.state == "paused" for session in status.sessions)
    unsaved = text.age(status.oldest_unsaved_at, clock.now())
    snapshots = text.count(spool.entries, "snapshot")
    waiting = f"{snapshots}, {size.shown(spool.size_bytes)}"
    lines = [
        f"state           {status.state}",
        f"oldest unsaved  {unsaved if status.oldest_unsaved_at else 'nothing'}",
        *_beyond(status.monitoring),
        f"in the spool    {waiting if spool.entries else 'nothing'}",
        *_watching(status),
    ]
    if spool.state != "ok":
        lines.append(f"spool           {_room(spool)}")
    if spool.refused:
        lines.append(f"not captured    {text.count(spool.refused, 'session')}")
    if spool.early.dropped:
        files = text.count(spool.early.dropped, "file")
        lines.append(f"not taken early {files}, left to their next snapshot")
    if paused:
        lines.append(f"held back       {text.count(paused, 'session')}")
    lines += [_proof(one) for one in status.proofs]
    if status.app_tables is not None:
        lines += _app_tables(status.app_tables)
    if status.webhooks_given_up:
        told = text.count(status.webhooks_given_up, "event")
        lines.append(f"webhooks        {told} given up: `expokeep webhooks list`")
    if status.store_error:
        lines.append(f"uploads fail    {text.safe(status.store_error)}")
    if status.catalog_error:
        lines.append(f"catalog fails   {text.safe(status.catalog_error)}")
    lines += _unseen(status.monitoring)
    lines += [f"polled          {text.safe(one)}" for one in watch.degraded]
    lines += [f"no session      {text.safe(one)}" for one in watch.invalid_names]
    return lines


def _watching(status: Status) -> list[str]:
    """Return how much is watched; nothing to who is no operator, and is not told."""
    watch = status.watch
    if status.sessions and not watch.sessions:
        return []
    directories = text.count(watch.watches, "directory", "directories")
    return [f"watching        {text.count(watch.sessions, 'session')}, {directories}"]


def _beyond(monitoring: MonitoringStatus | None) -> list[str]:
    """Return how many sessions have been unsaved for too long, if any have."""
    if monitoring is None or not monitoring.beyond_objective:
        return []
    sessions = text.count(monitoring.beyond_objective, "session")
    most = shown_duration(monitoring.objective_s)
    return [f"overdue         {sessions}, unsaved for longer than {most}"]


def _unseen(monitoring: MonitoringStatus | None) -> list[str]:
    if monitoring is None or monitoring.error is None:
        return []
    return [f"no metrics      {text.safe(monitoring.error)}"]


def _room(spool: SpoolStatus) -> str:
    """Return how the spool is, and the two figures that say why."""
    for_s = text.age(spool.state_since, clock.now())
    most, least = size.shown(spool.max_bytes), size.shown(spool.min_free_bytes)
    return (
        f"{spool.state} for {for_s}: takes {size.shown(spool.used_bytes)} of {most}, "
        f"{size.shown(spool.free_bytes)} of the disk is free ({least} is to be)"
    )


def _app_tables(app: AppTablesStatus) -> list[str]:
    """Return what somebody should know of the application's tables."""
    lines = []
    if app.behind_count:
        builds = text.count(app.behind_count, "build")
        age = text.age(app.behind_since, clock.now())
        lines.append(f"app's tables    {builds} behind for {age}: {_why(app)}")
    if app.is_lately_refused:
        age = text.age(app.refused_at, clock.now())
        lines.append(f"refused to it   {age} ago: {text.safe(app.refused)}")
    return lines


def _why(app: AppTablesStatus) -> str:
    return text.safe(app.why) or "not known"


def _proof(proof: ProofDocument) -> str:
    state = "ok" if proof.is_well else "DAMAGE"
    detail = text.safe(proof.detail)
    ago = text.age(proof.ended_at, clock.now())
    return f"{f'last {proof.kind}':<14}  {state}, {ago} ago ({detail})"


def shown(status: Status, most: int) -> None:
    """Print the most urgent sessions, and how many more there are."""
    if not status.sessions:
        return
    click.echo()
    table(HEADERS, rows_of(status)[:most], gives_way=("NOTE",))
    left = len(status.sessions) - most
    if left > 0:
        click.echo(f"There are {left} more, less urgent: --all lists them.", err=True)


def rows_of(status: Status) -> list[tuple[str, ...]]:
    """Return a row for each session, the most urgent first."""
    # Nobody knows what is kept while the catalog is away: not that nothing is.
    unknown = ("?", "?") if status.catalog_error else ("-", "never")
    return [_row(one, *unknown) for one in sorted(status.sessions, key=_urgency)]


def _urgency(session: SessionStatus) -> tuple[bool, bool, float, str]:
    """Return what sorts trouble first, then the longest unsaved."""
    since = session.unsaved_since
    return (
        not (session.last_error or session.skipped),
        since is None,
        since.timestamp() if since else 0.0,
        session.session,
    )


def _row(session: SessionStatus, no_seq: str, not_saved: str) -> tuple[str, ...]:
    now = clock.now()
    saved = session.last_saved_at
    return (
        session.session,
        session.state,
        str(session.last_seq or no_seq),
        f"{text.age(saved, now)} ago" if saved else not_saved,
        text.age(session.unsaved_since, now),
        _note(session),
    )


def _note(session: SessionStatus) -> str:
    notes = [text.safe(session.last_error)] if session.last_error else []
    if session.refused_since is not None:
        notes.append(f"not captured for {text.age(session.refused_since, clock.now())}")
    if session.held_by is not None:
        notes.append(f"held by host {text.safe(session.held_by)}, kept beside")
    notes += [text.held(one) for one in session.held_elsewhere]
    if session.parked_count:
        notes.append(f"{text.count(session.parked_count, 'version')} parked")
    if session.skipped:
        first = session.skipped[0]
        notes.append(
            f"{len(session.skipped)} left out: {text.path(first.path)} ({first.reason})"
        )
    return "; ".join(notes)
