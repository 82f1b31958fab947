"""`expokeep unpin`."""

import click

from expokeep.cli.kinds import VERSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.pinning import told


@verb("unpin")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.pass_context
def command(ctx: click.Context, version: str) -> None:
    """Let a version be forgotten by rule.

    The opposite of `pin`. Versions that were the newest and were replaced by another
    directory's are pinned by themselves; this lets go of them too.

    \b
    Examples:
      expokeep unpin shop-42@17
    """
    told(options_of(ctx), version, "unpin")
