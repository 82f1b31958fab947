"""`expokeep gc`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import DURATION
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.errors import Partial
from expokeep.model import size
from expokeep.retention.documents import CollectedDocument


@verb("gc")
@click.option("--dry-run", is_flag=True, help="Only say what would go now.")
@click.option(
    "--max-time",
    type=DURATION,
    metavar="DUR",
    help="Stop after this long; the next run goes on.",
)
@click.pass_context
def command(ctx: click.Context, *, dry_run: bool, max_time: float | None) -> None:
    """Free what is not kept any more, now.

    Sessions that nobody came for are deleted, deleted ones go when their grace is over,
    and so do objects that nobody needs. One of all daemons does this by itself every
    few hours. Safe to interrupt: the next run goes on.

    \b
    Examples:
      expokeep gc --dry-run
      expokeep gc --max-time 10m
    """
    options = options_of(ctx)
    if not dry_run and not options.yes:
        planned = _asked(options, max_time, dry_run=True)
        if planned.purged or planned.deleted:
            what = text.count(len(planned.purged), "session")
            objects = text.count(planned.deleted, "object")
            confirm(options, f"Free {what} and {objects} for good?")
    found = _asked(options, max_time, dry_run=dry_run)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        for line in _told(found):
            click.echo(line)
    if found.failed:
        failed = text.count(len(found.failed), "object")
        raise Partial(f"{failed} could not be deleted; the next run tries again")


def _asked(
    options: Options, max_time_s: float | None, *, dry_run: bool
) -> CollectedDocument:
    body = {"max_time_s": max_time_s, "dry_run": dry_run}
    return decode(client(options).post("/v1/gc", body), CollectedDocument)


def _told(found: CollectedDocument) -> list[str]:
    would = "would be " if found.dry_run else ""
    deleted, retired = size.shown(found.deleted_bytes), size.shown(found.retired_bytes)
    lines = [f"{text.count(found.deleted, 'object')} {would}freed, {deleted}"]
    if found.retired:
        objects = text.count(found.retired, "object")
        lines.append(f"{objects} more, {retired}, {would}freed when the grace is over")
    if found.expired:
        lines.append(f"expired: {', '.join(found.expired)}")
    if found.purged:
        lines.append(f"gone for good: {', '.join(found.purged)}")
    if not found.is_done:
        lines.append("the time was over: the next run goes on")
    return lines
