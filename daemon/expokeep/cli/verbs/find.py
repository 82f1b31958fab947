"""`expokeep find`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.kinds import NAME, SESSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.table import table
from expokeep.history.documents import Match
from expokeep.model import size


@verb("find")
@direct_option
@click.argument("pattern", type=NAME, metavar="PATTERN")
@click.argument("sessions", type=SESSION, nargs=-1, metavar="[SID]...")
@click.pass_context
def command(ctx: click.Context, pattern: bytes, sessions: tuple[str, ...]) -> None:
    """Find a path in all that was ever kept.

    A pattern without a slash fits the last part of a path, one with a slash fits the
    whole. Each line says in which versions the path was so.

    \b
    Examples:
      expokeep find 'Checkout.*' shop-42
      expokeep find 'src/*.tsx'
    """
    options = options_of(ctx)
    with asking(options) as asked:
        found = asked.find(pattern, sessions)
    if options.as_json:
        as_json(found)
        return
    rows = [_row(match) for match in found.matches]
    table(("SESSION", "VERSIONS", "SIZE", "PATH"), rows, gives_way=())
    if found.truncated and not options.quiet:
        click.echo("There are more: narrow the pattern or name sessions.", err=True)


def _row(match: Match) -> tuple[str, ...]:
    size_bytes = match.entry.size_bytes
    return (
        match.session,
        f"{match.first_seq}..{match.last_seq or ''}",
        size.shown(size_bytes) if size_bytes is not None else match.entry.type,
        text.path(match.entry.path),
    )
