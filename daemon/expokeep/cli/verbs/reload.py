"""`expokeep reload`."""

import click

from expokeep.cli.asking import client
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.history.operating import Reloaded


@verb("reload")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Let the daemon read its configuration again.

    The same as SIGHUP. It is checked as a whole first: a mistake ends with 78, and the
    old configuration holds. What cannot change while the daemon runs is named; that is
    no error, and takes a restart.

    \b
    Examples:
      expokeep reload
      expokeep reload --json | jq .restart
    """
    options = options_of(ctx)
    found = decode(client(options).post("/v1/reload", {}), Reloaded)
    if options.as_json:
        as_json(found)
        return
    for key in found.applied:
        click.echo(f"applied: {key}")
    for key in found.restart:
        click.echo(f"takes a restart: {key}")
    if not (found.applied or found.restart or options.quiet):
        click.echo("nothing has changed")
