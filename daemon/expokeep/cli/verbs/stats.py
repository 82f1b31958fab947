"""`expokeep stats`."""

import click

from expokeep.accounting.documents import (
    DayStats,
    SessionStats,
    Stats,
    UserStats,
)
from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.model import size


@verb("stats")
@click.option(
    "--by", type=click.Choice(["user", "session", "day"]), help="One by one as well."
)
@click.option(
    "--logical",
    is_flag=True,
    help="Whoever has the most in all versions first, not the most stored.",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, help="At most.")
@click.pass_context
def command(ctx: click.Context, by: str | None, limit: int, *, logical: bool) -> None:
    """Show how much is kept, and how little it takes.

    `all versions` is what every version would take as a whole copy, `distinct` the
    different contents among them, `stored` what the bucket holds after compression.
    Of what several have, the bytes stored count for whoever brought them first.

    \b
    Examples:
      expokeep stats
      expokeep stats --by user
      expokeep stats --by day --limit 30 --json
    """
    options = options_of(ctx)
    raw = client(options).get(
        "/v1/stats", by=by, logical="true" if logical else None, limit=limit
    )
    found = decode(raw, Stats)
    if options.as_json:
        as_json(found)
        return
    if found.users is not None:
        _users(found.users)
    elif found.by_session is not None:
        _sessions(found.by_session)
    elif found.days is not None:
        _days(found.days)
    else:
        _print(found)
    if found.truncated and not options.quiet:
        click.echo("There are more: raise --limit.", err=True)


def _print(found: Stats) -> None:
    deleted = ""
    if found.deleted_sessions:
        deleted = f", and {found.deleted_sessions} that can be undeleted"
    click.echo(f"builds        {found.sessions}{deleted}")
    click.echo(f"  now         {size.shown(found.head_bytes)}")
    click.echo(f"versions      {found.versions}")
    click.echo(f"  as copies   {size.shown(found.logical_bytes)}")
    click.echo(
        f"distinct      {size.shown(found.distinct_bytes)}"
        f" in {found.contents} contents,"
        f" {_times(found.dedup_ratio)} less by deduplication"
    )
    going = ""
    if found.going_bytes:
        going = f", of which {size.shown(found.going_bytes)} are on their way out"
    click.echo(
        f"stored        {size.shown(found.stored_bytes)} in {found.objects} objects,"
        f" {_times(found.compression_ratio)} less by compression{going}"
    )
    click.echo(f"  all in all  {_times(found.total_ratio)} less than copies")
    if found.counted_since is not None:
        click.echo(f"saves         {found.saves} since {found.counted_since}")
        click.echo(
            f"restores      {found.restores} of {found.restored_sessions} builds,"
            f" {found.restoration_rate or 0:.2f} for each of {found.active_sessions}"
        )
    for one in found.most_shared:
        uses = text.count(one.imports, "import")
        click.echo(
            f"shared        {one.session} ({text.safe(one.user) or '-'}): {uses}"
        )


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f}x"


def _users(users: tuple[UserStats, ...]) -> None:
    headers = (
        *("USER", "BUILDS", "VERSIONS", "NOW", "AS COPIES", "STORED"),
        *("SAVES", "A DAY", "RESTORES"),
    )
    rows = [
        (
            text.safe(one.user) or "-",
            str(one.sessions),
            str(one.versions),
            size.shown(one.head_bytes),
            size.shown(one.logical_bytes),
            size.shown(one.stored_bytes),
            str(one.saves),
            f"{one.saves_per_day:.1f}",
            str(one.restores),
        )
        for one in users
    ]
    table(headers, rows, gives_way=())


def _sessions(sessions: tuple[SessionStats, ...]) -> None:
    headers = (
        *("SESSION", "USER", "VERSIONS", "NOW", "AS COPIES", "STORED"),
        *("SAVES", "RESTORES"),
    )
    rows = [
        (
            one.session + (" (deleted)" if one.is_deleted else ""),
            text.safe(one.user) or "-",
            str(one.versions),
            size.shown(one.head_bytes),
            size.shown(one.logical_bytes),
            size.shown(one.stored_bytes),
            str(one.saves),
            str(one.restores),
        )
        for one in sessions
    ]
    table(headers, rows, gives_way=("USER",))


def _days(days: tuple[DayStats, ...]) -> None:
    headers = (
        *("DAY", "USERS", "BUILDS", "SAVES", "RESTORES", "CLASS A", "CLASS B"),
        *("UP", "DOWN", "STORED"),
    )
    rows = [
        (
            one.day.isoformat(),
            str(one.users),
            str(one.sessions),
            str(one.saves),
            str(one.restores),
            str(one.class_a),
            str(one.class_b),
            size.shown(one.sent_bytes),
            size.shown(one.received_bytes),
            "-" if one.stored_bytes is None else size.shown(one.stored_bytes),
        )
        for one in days
    ]
    table(headers, rows, gives_way=())
