"""`expokeep log`."""

import datetime

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.kinds import SESSION, WORDS
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json, sent_moment
from expokeep.cli.table import table
from expokeep.history.hooked import in_words
from expokeep.history.logged import LoggedVersion
from expokeep.history.version_log import EpochDocument, LogWish, VersionLog
from expokeep.model import size
from expokeep.model.documents import WaitingDocument


@verb("log")
@direct_option
@click.argument("session", type=SESSION, metavar="SID")
@click.option(
    "--since", type=WORDS, metavar="TIME", help="Such as 2h or 2026-11-24T10:00."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, help="At most.")
@click.option("--stat", is_flag=True, help="With how much each changed.")
@click.option("--labels", is_flag=True, help="Only those with a label or a pin.")
@click.option("--epochs", is_flag=True, help="By the lives of the directory.")
@click.pass_context
def command(
    ctx: click.Context, /, session: str, since: str | None, limit: int, **flags: bool
) -> None:
    """List the versions of a session.

    The newest is first; `*` marks the head: the one that a restore takes. A version
    that did not become head by itself says why; labels stand in brackets.

    With --stat, `+2 ~1 -1 >1` means two files added, one modified, one deleted, one
    moved. With --epochs each life of the directory has a line of its own: on which
    host, from when to when, and from which version it was restored.

    \b
    Examples:
      expokeep log shop-42
      expokeep log shop-42 --since 2h --stat
      expokeep log shop-42 --labels --json
    """
    options = options_of(ctx)
    wish = LogWish(
        since=sent_moment(since) if since is not None else None,
        limit=limit,
        only_marked=flags["labels"],
        with_counts=flags["stat"],
        with_epochs=flags["epochs"],
    )
    with asking(options) as asked:
        found = asked.log(session, wish)
    if options.as_json:
        as_json(found)
        return
    _print(found, with_counts=wish.with_counts)
    if found.truncated and not options.quiet:
        click.echo("There are more: raise --limit.", err=True)
    if not options.quiet:
        for held in found.held_elsewhere:
            click.echo(f"note: {text.held(held)}", err=True)


def _print(found: VersionLog, *, with_counts: bool) -> None:
    headers = ["VERSION", "TAKEN", "BY", "FILES", "SIZE", "MESSAGE"]
    ended = {one.seq: one.at for one in found.ended}
    rows = [_waiting_row(one) for one in reversed(found.waiting)]
    epochs = {one.number: one for one in found.epochs}
    for version in found.versions:
        if (epoch := epochs.pop(version.epoch, None)) is not None:
            rows.append(_epoch_row(epoch))
        rows.append(_row(version, found.head_seq, ended.get(version.seq)))
    if with_counts:
        headers.insert(-1, "CHANGED")
        known = {str(one.seq): _changed(one) for one in found.versions}
        rows = [
            (*row[:-1], known.get(row[0].rstrip("*"), "-"), row[-1]) for row in rows
        ]
    table(headers, rows, gives_way=("MESSAGE", "BY"))


def _changed(version: LoggedVersion) -> str:
    """Return `+2 ~1 -1 >1`, without what is zero."""
    counts = version.counts
    if counts is None:
        return "-"
    parts = (
        ("+", counts.added),
        ("~", counts.modified),
        ("-", counts.deleted),
        (">", counts.renamed),
    )
    words = " ".join(f"{sign}{number}" for sign, number in parts if number)
    return f"{words or '='} ({size.shown(counts.changed_bytes)})"


def _epoch_row(epoch: EpochDocument) -> tuple[str, ...]:
    ended = text.moment(epoch.ended_at) if epoch.ended_at else "now"
    words = f"(epoch {epoch.number}, on {text.safe(epoch.host)}, until {ended}"
    if epoch.base_seq is not None:
        words += f", restored from {epoch.base_seq}"
    count = text.count(epoch.versions, "version")
    return ("-", text.moment(epoch.started_at), "-", "-", "-", f"{words}, {count})")


def _waiting_row(one: WaitingDocument) -> tuple[str, ...]:
    words = ["(only on this host yet)"]
    if one.parked:
        words.append(f"(will be parked: {text.safe(one.parked)})")
    elif one.becomes_head:
        words.append("(will be the newest)")
    by = text.moment(one.taken_at), one.trigger
    return ("-", *by, "-", "-", " ".join(words))


def _row(
    version: LoggedVersion, head_seq: int | None, ended_at: datetime.datetime | None
) -> tuple[str, ...]:
    words = [f"[{text.safe(label)}]" for label in version.labels]
    words += ["(pinned)"] if version.is_pinned else []
    words += [text.safe(version.message)] if version.message else []
    if version.origin is not None:
        words.append(f"(from {version.origin.session}@{version.origin.seq})")
    if version.hook is not None:
        words.append(f"({in_words(version.hook)})")
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
