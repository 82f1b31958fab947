"""`expokeep find`."""

import os

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.kinds import DIGEST, NAME, SESSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.table import table
from expokeep.history.documents import Match
from expokeep.model import size


@verb("find")
@direct_option
@click.argument("words", type=NAME, nargs=-1, metavar="[PATTERN] [SID]...")
@click.option(
    "--content-hash",
    "digest",
    type=DIGEST,
    help="Find these contents instead, by their SHA-256.",
)
@click.pass_context
def command(ctx: click.Context, words: tuple[bytes, ...], digest: str | None) -> None:
    """Find a path, or contents, in all that was ever kept.

    A pattern without a slash fits the last part of a path, one with a slash fits the
    whole. With --content-hash there is no pattern, and every file with exactly these
    contents is found, whatever it is called. Each line says in which versions the path
    was so.

    \b
    Examples:
      expokeep find 'Checkout.*' shop-42
      expokeep find 'src/*.tsx'
      expokeep find --content-hash $(sha256sum < logo.png | cut -c1-64)
    """
    options = options_of(ctx)
    if digest is None and not words:
        raise click.UsageError("name a PATTERN, or contents by --content-hash", ctx)
    named = words if digest is not None else words[1:]
    sessions = [SESSION.convert(os.fsdecode(word), None, ctx) for word in named]
    with asking(options) as asked:
        found = (
            asked.find(words[0], sessions)
            if digest is None
            else asked.holders(digest, sessions)
        )
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
