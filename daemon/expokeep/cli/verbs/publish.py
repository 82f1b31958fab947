"""`expokeep publish`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION, VERSION, WORDS
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import CONTEXT, global_options, options_of
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.control.client import segment
from expokeep.export.archives import FORMATS
from expokeep.export.documents import (
    Publication,
    PublicationList,
    Withdrawn,
)
from expokeep.model import size


@click.group("publish", context_settings=CONTEXT)
@global_options
def command() -> None:
    """Show a version to everybody.

    \b
    Examples:
      expokeep publish create shop-42@label:demo --format zip
      expokeep publish list shop-42
      expokeep publish withdraw shop-42
    """


@command.command("create", context_settings=CONTEXT)
@global_options
@click.argument("version", type=VERSION, metavar="VERSION")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="tar.gz",
    show_default=True,
    help="Of the archive.",
)
@click.pass_context
def create(ctx: click.Context, version: str, form: str) -> None:
    """Put an archive of a version where everybody can fetch it.

    It lies under a name that nobody guesses and never changes, so every cache may keep
    it for ever. What looks like a secret is never in it, and nothing in it tells the id
    of the session. With R2_PUBLIC_URL the link is for ever; without, it is signed, and
    works for seven days (`publish list` gives a new one).

    \b
    Example:
      expokeep publish create shop-42@17
    """
    options = options_of(ctx)
    path = f"/v1/versions/{segment(sent_version(version))}/publish"
    made = decode(client(options).post(path, {"format": form}), Publication)
    if options.as_json:
        as_json(made)
        return
    click.echo(made.published.url)
    if not options.quiet:
        what = f"{made.published.session}@{made.published.version}"
        less = text.count(len(made.left_out), "file")
        left_out = f", {less} left out" if made.left_out else ""
        click.echo(
            f"{what} is public ({size.shown(made.size_bytes)}{left_out})", err=True
        )


@command.command("list", context_settings=CONTEXT)
@global_options
@click.argument("session", type=SESSION, metavar="[SID]", required=False)
@click.pass_context
def listed(ctx: click.Context, session: str | None) -> None:
    """List what everybody can fetch: of a session, or of all.

    \b
    Example:
      expokeep publish list shop-42
    """
    options = options_of(ctx)
    raw = client(options).get("/v1/publications", session=session)
    found = decode(raw, PublicationList)
    if options.as_json:
        as_json(found)
        return
    rows = [
        (
            f"{one.session}@{one.version}",
            one.format,
            text.moment(one.published_at),
            one.id,
            one.url,
        )
        for one in found.published
    ]
    table(("VERSION", "FORMAT", "SINCE", "ID", "URL"), rows, gives_way=())
    if found.truncated and not options.quiet:
        click.echo("There are more.", err=True)


@command.command("withdraw", context_settings=CONTEXT)
@global_options
@click.argument("session", type=SESSION, metavar="SID")
@click.option("--id", "one", type=WORDS, metavar="ID", help="Only this one.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@click.pass_context
def withdraw(
    ctx: click.Context, session: str, one: str | None, *, dry_run: bool
) -> None:
    """Delete what everybody could fetch of a session.

    Who has fetched it has it, and a cache in front of the bucket may go on giving it
    until it is purged there.

    \b
    Examples:
      expokeep publish withdraw shop-42
      expokeep publish withdraw shop-42 --dry-run
    """
    options = options_of(ctx)
    if not dry_run:
        confirm(options, f"Delete what everybody can fetch of {text.safe(session)}?")
    body = {"id": one, "dry_run": dry_run}
    path = f"/v1/sessions/{segment(session)}/withdraw"
    gone = decode(client(options).post(path, body), Withdrawn)
    if options.as_json:
        as_json(gone)
        return
    how = "would be withdrawn" if dry_run else "withdrawn"
    if not options.quiet:
        click.echo(f"{text.count(len(gone.published), 'public archive')} {how}")
