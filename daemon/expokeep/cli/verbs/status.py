"""`expokeep status`."""

import click

from expokeep import clock
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.history.documents import SessionStatus, Status


@verb("status")
@click.argument("sessions", nargs=-1, metavar="[SID]...")
@click.pass_context
def command(ctx: click.Context, sessions: tuple[str, ...]) -> None:
    """Show whether every session is safe, and what is not.

    The key figure is the oldest unsaved change: how much work would be lost if this
    host burned down now.

    \b
    Examples:
      expokeep status
      expokeep status shop-42 --json
    """
    options = options_of(ctx)
    raw = client(options).get("/v1/status", session=list(sessions))
    found = decode(raw, Status)
    if options.as_json:
        as_json(found)
        return
    for line in _summary(found):
        click.echo(line)
    if found.sessions:
        click.echo()
        headers = ("SESSION", "STATE", "VERSION", "SAVED", "UNSAVED FOR", "NOTE")
        text.table(headers, [_row(session) for session in found.sessions])


def _summary(status: Status) -> list[str]:
    now, spool = clock.now(), status.spool
    waiting = f"{spool.entries} snapshots, {text.size(spool.size_bytes)}"
    directories = f"{status.watch.watches} directories"
    lines = [
        f"state           {status.state}",
        f"oldest unsaved  {text.age(status.oldest_unsaved_at, now)}",
        f"in the spool    {waiting if spool.entries else 'nothing'}",
        f"watching        {status.watch.sessions} sessions, {directories}",
    ]
    if status.store_error:
        lines.append(f"uploads fail    {status.store_error}")
    if status.catalog_error:
        lines.append(f"catalog fails   {status.catalog_error}")
    lines += [f"polled          {one}" for one in status.watch.degraded]
    lines += [f"no session      {one}" for one in status.watch.invalid_names]
    return lines


def _row(session: SessionStatus) -> tuple[str, ...]:
    now = clock.now()
    saved = session.last_saved_at
    return (
        session.session,
        session.state,
        str(session.last_seq or "-"),
        f"{text.age(saved, now)} ago" if saved else "never",
        text.age(session.unsaved_since, now),
        _note(session),
    )


def _note(session: SessionStatus) -> str:
    notes = [text.safe(session.last_error)] if session.last_error else []
    if session.skipped:
        first = session.skipped[0]
        notes.append(
            f"{len(session.skipped)} left out: {text.path(first.path)} ({first.reason})"
        )
    return "; ".join(notes)
