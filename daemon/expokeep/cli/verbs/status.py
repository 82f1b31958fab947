"""`expokeep status`."""

from collections.abc import Collection

import click

from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.cli.standing import shown, summary
from expokeep.errors import NotFound
from expokeep.history.documents import SessionStatus, Status

MOST_ROWS = 40
"""Unless all are asked for: about a screen, the ones to care about first."""


@verb("status")
@click.argument("sessions", type=SESSION, nargs=-1, metavar="[SID]...")
@click.option("--all", "everything", is_flag=True, help="Every session, also if many.")
@click.pass_context
def command(ctx: click.Context, sessions: tuple[str, ...], *, everything: bool) -> None:
    """Show whether every session is safe, and what is not.

    The key figure is the oldest unsaved change: how much work would be lost if this
    host burned down now. Sessions in trouble come first, then the longest unsaved.

    \b
    Examples:
      expokeep status
      expokeep status shop-42 --json
    """
    options = options_of(ctx)
    raw = client(options).get("/v1/status", session=list(sessions))
    found = decode(raw, Status)
    if options.as_json:
        as_json(found)
    else:
        for line in summary(found):
            click.echo(line)
        most = len(found.sessions) if everything or sessions else MOST_ROWS
        shown(found, most)
    _require_all(sessions, found.sessions)


def _require_all(wanted: Collection[str], sessions: Collection[SessionStatus]) -> None:
    """Check that there is something of each session that was asked for."""
    for prefix in wanted:
        if not any(one.session.startswith(prefix) for one in sessions):
            error = NotFound(f"no session {prefix} has a directory on this host")
            error.hint = "`expokeep sessions` lists also what is only kept."
            raise error
