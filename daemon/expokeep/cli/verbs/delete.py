"""`expokeep delete`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION
from expokeep.cli.letting_go import confirm, weight
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.retention.documents import SessionDeleted


@verb("delete")
@click.argument("session", type=SESSION, metavar="SID")
@click.option("--now", is_flag=True, help="Without a grace: it cannot be had back.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.pass_context
def command(ctx: click.Context, session: str, *, now: bool, dry_run: bool) -> None:
    """Delete a session with all its versions.

    It is hidden at once. Until its grace is over (retention.grace, 7 days) `undelete`
    brings it back; then its bytes are freed, and what other sessions share with it
    stays. The session is named by its whole id. Its directory is not touched: what is
    captured there goes on being kept, hidden as well, until somebody saves it.

    \b
    Examples:
      expokeep delete shop-42
      expokeep delete shop-42 --dry-run
      expokeep delete shop-42 --now --yes
    """
    options = options_of(ctx)
    if not dry_run:
        planned = _asked(options, session, now=now, dry_run=True)
        how = "for good, now" if now else "(it can be had back for a while)"
        confirm(options, f"Delete {session}: {_what(planned)} {how}?")
    deleted = _asked(options, session, now=now, dry_run=dry_run)
    if options.as_json:
        as_json(deleted)
    elif not options.quiet:
        click.echo(_told(deleted))


def _asked(
    options: Options, session: str, *, now: bool, dry_run: bool
) -> SessionDeleted:
    path = f"/v1/sessions/{segment(session)}/delete"
    body = {"now": now, "dry_run": dry_run}
    return decode(client(options).post(path, body), SessionDeleted)


def _what(deleted: SessionDeleted) -> str:
    return (
        f"{text.count(deleted.versions, 'version')}, "
        f"{weight(deleted.content_count, deleted.content_bytes)} of its own"
    )


def _told(deleted: SessionDeleted) -> str:
    if deleted.dry_run:
        return f"{deleted.session} would be deleted: {_what(deleted)}"
    if deleted.gone_at is None:
        return f"{deleted.session} is gone: {_what(deleted)}; `gc` frees the bytes"
    until = text.moment(deleted.gone_at)
    return (
        f"{deleted.session} is deleted: {_what(deleted)}; "
        f"`expokeep undelete` brings it back until {until}"
    )
