"""`expokeep undelete`."""

import click

from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.retention.documents import SessionUndeleted


@verb("undelete")
@click.argument("session", type=SESSION, metavar="SID")
@click.pass_context
def command(ctx: click.Context, session: str) -> None:
    """Bring a deleted session back, with all its versions.

    Also one that went because nobody came for it. `sessions --deleted` lists them. The
    session is named by its whole id.

    \b
    Examples:
      expokeep sessions --deleted
      expokeep undelete shop-42
    """
    options = options_of(ctx)
    path = f"/v1/sessions/{segment(session)}/undelete"
    found = decode(client(options).post(path, {}), SessionUndeleted)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        click.echo(f"{found.session} is back")
