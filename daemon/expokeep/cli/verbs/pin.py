"""`expokeep pin`."""

import click

from expokeep.cli.kinds import VERSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.pinning import told


@verb("pin")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.pass_context
def command(ctx: click.Context, version: str) -> None:
    """Keep a version for ever.

    No rule forgets it, and its session does not expire. `delete` still deletes it. The
    session is named by its whole id.

    \b
    Examples:
      expokeep pin shop-42
      expokeep pin shop-42@17
    """
    told(options_of(ctx), version, "pin")
