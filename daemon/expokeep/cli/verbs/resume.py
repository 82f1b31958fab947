"""`expokeep resume`."""

import click

from expokeep.cli.kinds import SESSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.pausing import told
from expokeep.errors import ExpokeepError


@verb("resume")
@click.argument("session", type=SESSION, default="", metavar="[SID]")
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
    options = options_of(ctx)
    found = told(options, "/v1/resume", session, None, everything=everything)
    if found.everything:
        error = ExpokeepError(f"{session} is still held back, as all sessions are")
        error.hint = "`expokeep resume --all` ends that."
        raise error
