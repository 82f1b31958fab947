"""`expokeep info`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.history.documents import Info


@verb("info")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show which daemon answers, and what it watches.

    \b
    Examples:
      expokeep info
      expokeep info --json
    """
    options = options_of(ctx)
    found = decode(client(options).get("/v1/info"), Info)
    if options.as_json:
        as_json(found)
        return
    click.echo(f"expokeepd {found.version}, pid {found.pid}")
    click.echo(f"since      {text.moment(found.started_at)}")
    click.echo(f"host       {found.host} ({found.host_id})")
    click.echo(f"watching   {', '.join(found.watch)}")
    click.echo(f"state      {found.state_dir}")
    click.echo(f"schema     {found.schema if found.schema is not None else 'unknown'}")
    if found.embedded:
        click.echo("servers    its own Postgres and S3 server (--embedded)")
