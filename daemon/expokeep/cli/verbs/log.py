"""`expokeep log`."""

import datetime

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.kinds import SESSION, WORDS
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json, sent_moment
from expokeep.cli.table import table
from expokeep.model import size
from expokeep.model.documents import VersionDocument, WaitingDocument


@verb("log")
@direct_option
@click.argument("session", type=SESSION, metavar="SID")
@click.option(
    "--since", type=WORDS, metavar="TIME", help="Such as 2h or 2026-11-24T10:00."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, help="At most.")
@click.pass_context
def command(ctx: click.Context, session: str, since: str | None, limit: int) -> None:
    """List the versions of a session.

    The newest is first; `*` marks the head: the one that a restore takes. A version
    that did not become head by itself says why.

    \b
    Examples:
      expokeep log shop-42
      expokeep log shop-42 --since 2h --json
    """
    options = options_of(ctx)
    with asking(options) as asked:
        after = sent_moment(since) if since is not None else None
        found = asked.log(session, since=after, limit=limit)
    if options.as_json:
        as_json(found)
        return
    headers = ("VERSION", "TAKEN", "BY", "FILES", "SIZE", "MESSAGE")
    ended = {one.seq: one.at for one in found.ended}
    rows = [_waiting_row(one) for one in reversed(found.waiting)]
    rows += [
        _row(version, found.head_seq, ended.get(version.seq))
        for version in found.versions
    ]
    table(headers, rows, gives_way=("MESSAGE", "BY"))
    if found.truncated and not options.quiet:
        click.echo("There are more: raise --limit.", err=True)
    if not options.quiet:
        for held in found.held_elsewhere:
            click.echo(f"note: {text.held(held)}", err=True)


def _waiting_row(one: WaitingDocument) -> tuple[str, ...]:
    words = ["(only on this host yet)"]
    if one.parked:
        words.append(f"(will be parked: {text.safe(one.parked)})")
    elif one.becomes_head:
        words.append("(will be the newest)")
    by = text.moment(one.taken_at), one.trigger
    return ("-", *by, "-", "-", " ".join(words))


def _row(
    version: VersionDocument, head_seq: int | None, ended_at: datetime.datetime | None
) -> tuple[str, ...]:
    words = [text.safe(version.message)] if version.message else []
    if version.parked:
        words.append(f"(parked: {text.safe(version.parked)})")
    if ended_at is not None:
        words.append(f"(its directory was removed at {text.moment(ended_at)})")
    elif version.trigger == "final":
        words.append("(the last before its directory was removed)")
    return (
        f"{version.seq}{'*' if version.seq == head_seq else ''}",
        text.moment(version.taken_at),
        text.safe(version.author) or version.trigger,
        str(version.file_count),
        size.shown(version.size_bytes),
        " ".join(words),
    )
