"""`expokeep pause`."""

import click

from expokeep.cli.kinds import DURATION, SESSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.pausing import told


@verb("pause")
@click.argument("session", type=SESSION, default="", metavar="[SID]")
@click.option("--all", "everything", is_flag=True, help="All sessions.")
@click.option(
    "--for", "for_s", type=DURATION, metavar="DUR", help="End by itself after this."
)
@click.pass_context
def command(
    ctx: click.Context, session: str, for_s: float | None, *, everything: bool
) -> None:
    """Hold uploads back; captures go on into the spool.

    Nothing is lost meanwhile, as long as the spool's disk lives.

    \b
    Examples:
      expokeep pause --all --for 10m
      expokeep pause shop-42
    """
    told(options_of(ctx), "/v1/pause", session, for_s, everything=everything)
