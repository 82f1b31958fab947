"""`expokeep sessions`."""

from typing import Any

import click

from expokeep import clock
from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.deleted import told
from expokeep.cli.kinds import SESSION, WORDS
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.table import table
from expokeep.history.documents import SessionDocument
from expokeep.model import size

MAX_LIMIT = 100_000


@verb("sessions")
@direct_option
@click.argument("prefix", type=SESSION, default="", metavar="[PREFIX]")
@click.option("--user", type=WORDS, metavar="USER", help="Only those of this owner.")
@click.option(
    "--sort",
    type=click.Choice(["age", "rpo", "size"]),
    default="age",
    show_default=True,
    help="Used last first; longest unsaved first; largest first.",
)
@click.option(
    "--limit", type=click.IntRange(1, MAX_LIMIT), default=1000, help="At most."
)
@click.option("--deleted", is_flag=True, help="Those that can still be had back.")
@click.option("--all", "limit", flag_value=MAX_LIMIT, help="However many there are.")
@click.pass_context
def command(ctx: click.Context, /, prefix: str, *, deleted: bool, **wish: Any) -> None:
    """List the sessions that are kept.

    \b
    Examples:
      expokeep sessions
      expokeep sessions --user alice --sort size
      expokeep sessions shop- --json
      expokeep sessions --deleted
    """
    options = options_of(ctx)
    if deleted:
        told(options)
        return
    with asking(options) as asked:
        found = asked.sessions(prefix=prefix, **wish)
    if options.as_json:
        as_json(found)
        return
    headers = ("SESSION", "PROJECT", "OWNER", "HEAD", "FILES", "SIZE", "SAVED")
    rows = [_row(session) for session in found.sessions]
    table(headers, rows, gives_way=("PROJECT", "OWNER"))
    if found.truncated and not options.quiet:
        click.echo("There are more: --all lists them.", err=True)


def _row(session: SessionDocument) -> tuple[str, ...]:
    saved = session.saved_at
    return (
        session.session,
        text.safe(session.project_name) or "-",
        text.safe(session.owner) or "-",
        str(session.head_seq or "-"),
        str(session.file_count),
        size.shown(session.size_bytes),
        f"{text.age(saved, clock.now())} ago" if saved else "never",
    )
