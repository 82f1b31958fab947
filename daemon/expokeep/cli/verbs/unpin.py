"""`expokeep unpin`."""

import click

from expokeep.cli import text
from expokeep.cli.kinds import VERSION
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import options_of, verb
from expokeep.cli.pinning import told


@verb("unpin")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.option("--dry-run", is_flag=True, help="Only say what would be let go.")
@click.pass_context
def command(ctx: click.Context, version: str, *, dry_run: bool) -> None:
    """Let a version be forgotten by rule.

    The opposite of `pin`. Versions that were the newest and were replaced by another
    directory's are pinned by themselves; this lets go of them too.

    \b
    Examples:
      expokeep unpin shop-42@17
      expokeep unpin shop-42@17 --dry-run
    """
    options = options_of(ctx)
    if not dry_run:
        confirm(options, f"Let {text.safe(version)} be forgotten by rule?")
    told(options, version, "unpin", dry_run=dry_run)
