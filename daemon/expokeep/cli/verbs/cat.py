"""`expokeep cat`."""

import sys

import click

from expokeep.cli.asking import asking
from expokeep.cli.kinds import NAME, VERSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import sent_version


@verb("cat")
@direct_option
@click.argument("version", type=VERSION, metavar="VERSION")
@click.argument("path", type=NAME, metavar="PATH")
@click.pass_context
def command(ctx: click.Context, version: str, path: bytes) -> None:
    """Print a file as it was in a version.

    The bytes are exactly those that were kept, also on a terminal.

    \b
    Examples:
      expokeep cat shop-42@-1 App.js
      expokeep cat shop-42@1h assets/icon.png > icon.png
    """
    with asking(options_of(ctx)) as asked:
        for chunk in asked.cat(sent_version(version), path):
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
