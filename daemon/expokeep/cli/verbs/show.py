"""`expokeep show`."""

from collections.abc import Iterator

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.changed import change_line
from expokeep.cli.kinds import VERSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.history.documents import VersionShown
from expokeep.history.hooked import HookDocument, in_words
from expokeep.history.logged import LoggedVersion
from expokeep.model import size


@verb("show")
@direct_option
@click.argument("version", type=VERSION, metavar="VERSION")
@click.pass_context
def command(ctx: click.Context, version: str) -> None:
    """Show one version in full, and what it changed.

    \b
    Examples:
      expokeep show shop-42
      expokeep show shop-42@17 --json
    """
    options = options_of(ctx)
    with asking(options) as asked:
        found = asked.show(sent_version(version))
    if options.as_json:
        as_json(found)
        return
    _print(found)
    if found.changes:
        click.echo()
    for change in found.changes:
        click.echo(change_line(change))
    if found.waiting and not options.quiet:
        click.echo(_what_waits(found), err=True)


def _print(found: VersionShown) -> None:
    one = found.version
    head = " (head)" if found.is_head else ""
    click.echo(f"version  {one.session}@{one.seq}{head}")
    click.echo(f"taken    {text.moment(one.taken_at)}, by {one.trigger}")
    click.echo(f"parent   {one.parent or 'none'}, epoch {one.epoch}")
    click.echo(f"files    {one.file_count}, {size.shown(one.size_bytes)}")
    click.echo(f"owner    {found.uid}:{found.gid}, mode {found.mode}")
    click.echo(f"tree     sha256:{one.tree}")
    click.echo(f"pack     {found.pack_key or one.pack}")
    for line in _said(one):
        click.echo(line)
    if found.hook is not None:
        for line in _hook(found.hook):
            click.echo(line)


def _said(one: LoggedVersion) -> Iterator[str]:
    """Yield what people said of a version, or the guard."""
    if one.labels:
        yield f"labels   {', '.join(map(text.safe, one.labels))}"
    if one.is_pinned:
        yield "pinned   no rule forgets it"
    if one.origin is not None:
        yield f"origin   {one.origin.session}@{one.origin.seq}"
    if one.author:
        yield f"author   {text.safe(one.author)}"
    if one.message:
        first, *more = [text.safe(line) for line in one.message.splitlines()]
        yield f"message  {first}"
        for line in more:
            yield f"         {line}".rstrip()
    if one.parked:
        yield f"parked   {text.safe(one.parked)}"


def _hook(run: HookDocument) -> Iterator[str]:
    """Yield what came of the command on a version, with what it printed."""
    took = "" if run.took_s is None else f", after {run.took_s:.1f} s"
    why = f" ({text.safe(run.reason)})" if run.reason else ""
    yield f"hook     {in_words(run).removeprefix('hook ')}{took}{why}"
    if run.is_cut:
        yield "         ..."
    for line in run.output.splitlines():
        yield f"         {text.safe(line)}".rstrip()


def _what_waits(found: VersionShown) -> str:
    snapshots = text.count(found.waiting, "newer snapshot")
    verb = "is" if found.waiting == 1 else "are"
    session = found.version.session
    return f"note: {snapshots} {verb} on this host only: `expokeep log {session}`"
