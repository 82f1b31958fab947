"""`expokeep find`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.history.documents import Match


@verb("find")
@direct_option
@click.argument("pattern", metavar="PATTERN")
@click.argument("sessions", nargs=-1, metavar="[SID]...")
@click.pass_context
def command(ctx: click.Context, pattern: str, sessions: tuple[str, ...]) -> None:
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
        found = asked.find(pattern.encode(errors="surrogateescape"), sessions)
    if options.as_json:
        as_json(found)
        return
    rows = [_row(match) for match in found.matches]
    text.table(("SESSION", "VERSIONS", "SIZE", "PATH"), rows)
    if found.truncated and not options.quiet:
        click.echo("There are more: narrow the pattern or name sessions.", err=True)


def _row(match: Match) -> tuple[str, ...]:
    size = match.entry.size_bytes
    return (
        match.session,
        f"{match.first_seq}..{match.last_seq or ''}",
        text.size(size) if size is not None else match.entry.type,
        text.path(match.entry.path),
    )
