"""`expokeep resume`."""

import click

from expokeep.cli.options import options_of, verb
from expokeep.cli.pausing import told


@verb("resume")
@click.argument("session", default="", metavar="[SID]")
@click.option("--all", "everything", is_flag=True, help="All sessions.")
@click.pass_context
def command(ctx: click.Context, session: str, *, everything: bool) -> None:
    """End a pause.

    What waits in the spool is uploaded at once, in order.

    \b
    Examples:
      expokeep resume --all
      expokeep resume shop-42
    """
    told(options_of(ctx), "/v1/resume", session, None, everything=everything)
