"""`expokeep blame`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.kinds import NAME, VERSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.history.blame_documents import Blame
from expokeep.model.documents import VersionDocument


@verb("blame")
@direct_option
@click.argument("version", type=VERSION, metavar="VERSION")
@click.argument("path", type=NAME, metavar="PATH")
@click.pass_context
def command(ctx: click.Context, version: str, path: bytes) -> None:
    """Show which version brought each line of a file.

    With each line: the version, when it was taken, by whom or by what, and the file's
    name then if it had another. A file that moved is followed, also if it was edited at
    the same time.

    \b
    Examples:
      expokeep blame shop-42 App.js
      expokeep blame shop-42@17 src/Checkout.tsx
    """
    options = options_of(ctx)
    with asking(options) as asked:
        found = asked.blame(sent_version(version), path)
    if options.as_json:
        as_json(found)
        return
    _print(found)
    if found.truncated and not options.quiet:
        oldest = found.versions[0].seq if found.versions else 1
        click.echo(f"note: lines of version {oldest} may be older", err=True)


def _print(found: Blame) -> None:
    heads = {one.seq: _head(one) for one in found.versions}
    shown = [
        (
            heads[line.seq]
            if line.path is None
            else f"{heads[line.seq]}  {text.path(line.path)}"
        )
        for line in found.lines
    ]
    width = max(map(len, shown), default=0)
    digits = len(str(len(shown)))
    for number, (head, line) in enumerate(zip(shown, found.lines, strict=True), 1):
        code = text.patch(line.text)
        click.echo(f"{head:<{width}}  {number:>{digits}}  {code}".rstrip())


def _head(version: VersionDocument) -> str:
    by = text.safe(version.author) or version.trigger
    return f"{version.seq:>4}  {text.moment(version.taken_at)}  {by}"
