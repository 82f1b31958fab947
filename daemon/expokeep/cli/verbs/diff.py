"""`expokeep diff`."""

import sys
from typing import Literal

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.changed import change_line, change_stat
from expokeep.cli.kinds import NAME, VERSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.history.documents import ChangeDocument, Difference

Detail = Literal["names", "stat", "patch"]


@verb("diff")
@direct_option
@click.argument("old", type=VERSION, metavar="VERSION")
@click.argument("new", type=VERSION, default="", metavar="[VERSION]")
@click.argument("paths", type=NAME, nargs=-1, metavar="[PATH]...")
@click.option("--stat", "detail", flag_value="stat", help="How much changed.")
@click.option("--name-only", "detail", flag_value="only", help="Paths alone.")
@click.option("--patch", "detail", flag_value="patch", help="A unified diff.")
@click.pass_context
def command(
    ctx: click.Context,
    old: str,
    new: str,
    paths: tuple[bytes, ...],
    detail: str | None,
) -> None:
    """Compare two versions.

    With one VERSION it is compared with the one before it. A is added, M modified,
    D deleted, T changed its type, R renamed.

    \b
    Examples:
      expokeep diff shop-42
      expokeep diff shop-42@1h shop-42 --stat
      expokeep diff shop-42@3 shop-42@7 src --patch | git apply
    """
    options = options_of(ctx)
    wanted: Detail = "stat" if detail == "stat" else "names"
    if detail == "patch":
        wanted = "patch"
    before, after = (old, new) if new else (None, old)
    with asking(options) as asked:
        found = asked.diff(
            sent_version(before) if before else None,
            sent_version(after),
            paths,
            wanted,
        )
    if options.as_json:
        as_json(found)
    elif detail == "patch":
        _patch(found)
    else:
        for change in found.changes:
            click.echo(_line(change, detail))


def _line(change: ChangeDocument, detail: str | None) -> str:
    if detail == "only":
        return text.path(change.path)
    if detail == "stat":
        return f"{change_line(change)}  {change_stat(change)}".rstrip()
    return change_line(change)


def _patch(found: Difference) -> None:
    """Print what `git apply` reads on stdout, and what it cannot carry on stderr."""
    on_terminal = sys.stdout.isatty()
    for change in found.changes:
        if change.patch is not None:
            # For a program the bytes as they are, for eyes without their tricks.
            shown = text.patch(change.patch) if on_terminal else change.patch
            click.echo(shown, nl=False)
        elif change.note is not None:
            click.echo(f"{change_line(change)}: {change.note}", err=True)
