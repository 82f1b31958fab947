"""`expokeep save`."""

from collections.abc import Mapping

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.bar import bar
from expokeep.cli.kinds import SESSION, WORDS
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.errors import Parked, Partial
from expokeep.history.saved import Saved
from expokeep.model import size


@verb("save")
@click.argument("session", type=SESSION, metavar="SID")
@click.option("-m", "--message", type=WORDS, metavar="TEXT", help="What it is, to you.")
@click.option("--user", type=WORDS, metavar="USER", help="Whose it is, from now on.")
@click.option("--name", type=WORDS, metavar="NAME", help="What the project is called.")
@click.option("--label", type=WORDS, metavar="NAME", help="Give it a label, too.")
@click.option("--pin", is_flag=True, help="And never forget it.")
@click.option(
    "--force",
    is_flag=True,
    help="Also if most files are gone, or another host holds it.",
)
@click.pass_context
def command(ctx: click.Context, /, session: str, **said: str | bool | None) -> None:
    """Keep a session now, and wait until it is durable.

    Durable means: its contents are in the bucket and its version is in Postgres. What
    you have deleted counts as deleted at once; if that is most of the project, the
    version is kept beside the newest one (exit 4) unless you say --force. Files that
    could not be read are named, and the exit code is 3.

    A session is held by one host. A save takes it over from a host that is dead; from
    one that is alive only with --force (exit 11).

    With --label and --pin the version is named and kept for ever, in one step; also
    where nothing has changed since: then it is the version that is there.

    \b
    Examples:
      expokeep save shop-42 -m "before the redesign"
      expokeep save shop-42 --label demo --pin
      expokeep save shop-42 --user alice --name "My Shop"
    """
    options = options_of(ctx)
    saved = _saved(options, session, said)
    if not options.as_json and not options.quiet:
        click.echo(_told(saved))
    if saved.parked:
        kept = f"version {saved.version} is kept beside the newest one"
        raise Parked(f"{kept}: {saved.parked}")
    if saved.skipped:
        first = text.path(saved.skipped[0].path)
        raise Partial(f"{len(saved.skipped)} paths could not be kept, such as {first}")


def _saved(
    options: Options, session: str, body: Mapping[str, str | bool | None]
) -> Saved:
    path = f"/v1/sessions/{segment(session)}/save"
    saved: Saved | None = None
    with bar(options, "uploading") as advance:
        for line in client(options).lines("POST", path, body, abbreviated=True):
            if options.as_json:
                as_json(line)
            if line["message_type"] == "saved":
                saved = decode(msgspec.json.encode(line), Saved)
            else:
                advance(line["done_bytes"], line["total_bytes"])
    if saved is None:
        raise Partial("the daemon did not say how it ended; see `expokeep status`")
    return saved


def _told(saved: Saved) -> str:
    name = f"{text.safe(saved.project_name)}: " if saved.project_name else ""
    if saved.state == "unchanged":
        kept = f"version {saved.version}" if saved.version else "nothing"
        return (
            f"{name}nothing has changed since {kept} of {saved.session}{_marked(saved)}"
        )
    return (
        f"{name}saved as version {saved.version} of {saved.session} "
        f"({saved.set_count} changed, {saved.gone_count} gone, "
        f"{size.shown(saved.stored_bytes)} stored, {saved.took_s:.2f} s)"
        f"{_marked(saved)}"
    )


def _marked(saved: Saved) -> str:
    marks = [f"labelled {text.safe(saved.label)}"] if saved.label else []
    marks += ["pinned"] if saved.is_pinned else []
    return f"; {' and '.join(marks)}" if marks else ""
