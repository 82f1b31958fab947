"""`expokeep audit`."""

import json

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION, WORDS
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json, sent_moment
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.history.operating import AuditDocument, AuditList

MAX_LIMIT = 10_000


@verb("audit")
@click.argument("session", type=SESSION, default="", metavar="[SID]")
@click.option("--since", type=WORDS, metavar="T", help="Only from then on: 2h, 7d.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    default=100,
    show_default=True,
    help="At most so many, the newest.",
)
@click.pass_context
def command(ctx: click.Context, session: str, since: str | None, limit: int) -> None:
    """Show who destroyed something or changed rights, and how that ended.

    For operators. It is kept in Postgres for 400 days, for all hosts. A dry run is not
    in it, and no secret. A session is named by its whole id.

    \b
    Examples:
      expokeep audit --since 7d
      expokeep audit shop-42 --json
    """
    options = options_of(ctx)
    raw = client(options).get(
        "/v1/audit",
        session=session or None,
        since=sent_moment(since) if since else None,
        limit=limit,
    )
    found = decode(raw, AuditList)
    if options.as_json:
        as_json(found)
        return
    headers = ("WHEN", "HOST", "WHO", "ACTION", "SUBJECT", "ENDED", "DETAILS")
    rows = [_row(act) for act in found.acts]
    table(headers, rows, gives_way=("DETAILS", "HOST", "SUBJECT"))
    if found.truncated and not options.quiet:
        click.echo(f"There are more: --limit {MAX_LIMIT} shows them.", err=True)


def _row(act: AuditDocument) -> tuple[str, ...]:
    who = f"uid {act.uid}" + (f" for {text.safe(act.user)}" if act.user else "")
    ended = "?" if act.exit_code is None else str(act.exit_code)
    if act.error:
        ended += f" ({text.safe(act.error)[:80]})"
    details = json.dumps(act.details) if act.details else ""
    return (
        text.moment(act.at),
        text.safe(act.host),
        who,
        text.safe(act.action).removeprefix("POST "),
        text.safe(act.subject) or "-",
        ended,
        text.safe(details) or "-",
    )
