"""`expokeep list`."""

from collections.abc import Iterator
from typing import Any

import click

from expokeep import clock
from expokeep.builds.documents import BuildDocument, BuildList
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import WORDS
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.model import size

MAX_LIMIT = 100_000
PAGE = 1000


@verb("list")
@click.option("--user", type=WORDS, metavar="USER", help="Only those of this owner.")
@click.option("--shared", is_flag=True, help="Only those that are shared.")
@click.option("--deleted", is_flag=True, help="Those that can still be had back.")
@click.option(
    "--limit", type=click.IntRange(1, MAX_LIMIT), default=100, help="At most."
)
@click.option("--all", "limit", flag_value=MAX_LIMIT, help="However many there are.")
@click.pass_context
def command(ctx: click.Context, /, **wish: Any) -> None:
    """List builds as their owners see them: the one used last first.

    A team is a user like any other: `--user team-blue` lists what the team owns.

    \b
    Examples:
      expokeep list
      expokeep list --user ann --shared
      expokeep --as ann list --json
      expokeep list --deleted
    """
    options = options_of(ctx)
    found, more = _found(options, **wish)
    if options.as_json:
        as_json(BuildList(builds=tuple(found), next=more))
        return
    headers = ("NAME", "SESSION", "OWNER", "FILES", "SIZE", "USED", "EXPIRES", "IS")
    rows = [_row(build) for build in found]
    table(headers, rows, gives_way=("NAME", "OWNER"))
    if more and not options.quiet:
        click.echo("There are more: --all lists them.", err=True)


def _found(
    options: Options, *, user: str | None, shared: bool, deleted: bool, limit: int
) -> tuple[list[BuildDocument], str | None]:
    """Return builds, page by page, and whether there are more."""
    flags = {"shared": shared, "deleted": deleted}
    query: dict[str, Any] = {name: "true" for name, is_set in flags.items() if is_set}
    found: list[BuildDocument] = []
    after: str | None = None
    asked = client(options)
    while len(found) < limit:
        raw = asked.get(
            "/v1/builds",
            user=user,
            limit=min(PAGE, limit - len(found)),
            after=after,
            **query,
        )
        page = decode(raw, BuildList)
        found += page.builds
        after = page.next
        if after is None:
            break
    return found, after


def _row(build: BuildDocument) -> tuple[str, ...]:
    return (
        text.safe(build.project_name) or "-",
        build.session,
        text.safe(build.owner) or "-",
        str(build.file_count),
        size.shown(build.size_bytes),
        f"{text.age(build.accessed_at, clock.now())} ago",
        _until(build),
        ", ".join(_words(build)) or "-",
    )


def _until(build: BuildDocument) -> str:
    until = build.gone_at if build.deleted_at else build.expires_at
    return "never" if until is None else text.moment(until)


def _words(build: BuildDocument) -> Iterator[str]:
    """Yield what there is to say of a build."""
    if build.deleted_at is not None:
        yield "expired" if build.expired else "deleted"
    if build.directory is not None:
        yield "here"
    if build.is_shared:
        yield "shared"
    if build.is_pinned:
        yield "pinned"
    if build.parked is not None:
        yield text.safe(build.parked) or "parked"
