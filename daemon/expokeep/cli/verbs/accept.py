"""`expokeep accept`."""

import click

from expokeep.cli.asking import client
from expokeep.cli.kinds import VERSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.history.documents import Accepted


@verb("accept")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.pass_context
def command(ctx: click.Context, version: str) -> None:
    """Make a version the newest that did not become it by itself.

    A version that lost most of its files, or a new directory under a known name, is
    parked beside the head; `log` says why. What was the head stays, and stays pinned.
    The session is named by its whole id.

    \b
    Examples:
      expokeep log shop-42
      expokeep accept shop-42@18
    """
    options = options_of(ctx)
    path = f"/v1/versions/{segment(sent_version(version))}/accept"
    found = decode(client(options).post(path, {}), Accepted)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        before = f", instead of version {found.replaced}" if found.replaced else ""
        click.echo(f"version {found.version} of {found.session} is the newest{before}")
