"""`expokeep quota`."""

from typing import Any

import click

from expokeep.builds.documents import QuotaDocument, QuotaList
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import WORDS
from expokeep.cli.options import CONTEXT, global_options, options_of
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.errors import UsageError
from expokeep.model import size

DEFAULT = "default"


@click.group("quota", context_settings=CONTEXT)
@global_options
def command() -> None:
    """Show and set how much users may have.

    \b
    Examples:
      expokeep quota show
      expokeep quota set --user ann --builds 200
    """


@command.command("show", context_settings=CONTEXT)
@global_options
@click.option("--user", type=WORDS, metavar="USER", help="Only of this one.")
@click.pass_context
def show(ctx: click.Context, *, user: str | None) -> None:
    """Show what users have, and may have.

    \b
    Examples:
      expokeep quota show
      expokeep quota show --user ann --json
    """
    options = options_of(ctx)
    found = decode(client(options).get("/v1/quota", user=user), QuotaList)
    if options.as_json:
        as_json(found)
        return
    headers = ("USER", "BUILDS", "OF", "SIZE", "OF", "WAITING")
    table(headers, [_row(one) for one in found.users], gives_way=("USER",))
    if found.truncated and not options.quiet:
        click.echo("There are more: name one with --user.", err=True)


@command.command("set", context_settings=CONTEXT)
@global_options
@click.option("--user", type=WORDS, metavar="USER", required=True, help="Of whom.")
@click.option(
    "--builds", metavar="N", help="So many builds; `default`: as the settings say."
)
@click.option(
    "--bytes", "total", metavar="SIZE", help="All together; `default`: any size."
)
@click.pass_context
def set_(
    ctx: click.Context, *, user: str, builds: str | None, total: str | None
) -> None:
    """Say how much a user may have, or a team.

    Nothing goes that is there. What would be too much from now on is refused to
    whoever asks for it (exit 13), and what is captured by itself is kept, parked.

    \b
    Examples:
      expokeep quota set --user ann --builds 200
      expokeep quota set --user team-blue --bytes 10GB
      expokeep quota set --user ann --builds default --bytes default
    """
    options = options_of(ctx)
    if builds is None and total is None:
        raise UsageError("say how much: --builds N, --bytes SIZE, or both")
    wish: dict[str, Any] = {"user": user}
    if builds is not None:
        wish["builds"] = None if builds == DEFAULT else _count(builds)
    if total is not None:
        wish["bytes"] = None if total == DEFAULT else _size(total)
    found = decode(client(options).post("/v1/quota", wish), QuotaDocument)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        most = "any size" if found.max_bytes is None else size.shown(found.max_bytes)
        click.echo(
            f"{text.safe(found.user)} has {found.builds} of {found.max_builds} builds "
            f"and {size.shown(found.size_bytes)} of {most}"
        )


def _count(word: str) -> int:
    if not word.isascii() or not word.isdecimal():
        raise UsageError(f"--builds is a number or `{DEFAULT}`, not {word!r}")
    return int(word)


def _size(word: str) -> int:
    from expokeep.settings.units import parse_size_bytes  # noqa: PLC0415 - for few

    try:
        return parse_size_bytes(word)
    except ValueError as error:
        raise UsageError(
            f"--bytes is a size such as 10GB, or `{DEFAULT}`, not {word!r}"
        ) from error


def _row(one: QuotaDocument) -> tuple[str, ...]:
    return (
        text.safe(one.user) or "-",
        str(one.builds),
        str(one.max_builds),
        size.shown(one.size_bytes),
        "-" if one.max_bytes is None else size.shown(one.max_bytes),
        str(one.waiting),
    )
