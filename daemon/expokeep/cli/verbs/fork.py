"""`expokeep fork`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION, VERSION, WORDS
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.fork.documents import Forked
from expokeep.model import size


@verb("fork")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.option(
    "--session", type=SESSION, metavar="NEW", help="Its id; a new UUID if not given."
)
@click.option("--user", type=WORDS, metavar="U", help="Whose it is to be (operators).")
@click.option("--name", type=WORDS, metavar="NAME", help="What the project is called.")
@click.option("-m", "--message", type=WORDS, metavar="TEXT", help="What it is for.")
@click.pass_context
def command(ctx: click.Context, /, version: str, **said: str | None) -> None:
    """Begin a new session with a version of another one.

    The new session has the same files and a history of its own; nothing that is done
    to it changes the other. No contents are uploaded: both count on the same ones, and
    these stay as long as one of them needs them. It belongs to the same owner, unless
    you name another one. Both sessions are named by their whole id.

    Nothing is written to disk here: `expokeep restore NEW` does that.

    \b
    Examples:
      expokeep fork shop-42
      expokeep fork shop-42@17 --session shop-43 -m "with the new checkout"
      expokeep restore $(expokeep fork shop-42 --quiet)
    """
    options = options_of(ctx)
    path = f"/v1/versions/{segment(sent_version(version))}/fork"
    made = decode(client(options).post(path, said), Forked)
    if options.as_json:
        as_json(made)
    elif options.quiet:
        click.echo(made.session)
    else:
        click.echo(begun(made))


def begun(made: Forked) -> str:
    """Return in words what a session began with."""
    what = f"{made.origin_session}@{made.origin_version}"
    if made.template is not None:
        what = f"template {text.safe(made.template)} ({what})"
    return (
        f"{made.session} begins with {what}: {text.count(made.file_count, 'file')}, "
        f"{size.shown(made.size_bytes)}, nothing uploaded"
    )
