"""`expokeep ls`."""

import datetime

import click

from expokeep.cli import text
from expokeep.cli.asking import asking
from expokeep.cli.kinds import NAME, VERSION
from expokeep.cli.options import direct_option, options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.model import size
from expokeep.model.documents import EntryDocument

_TYPES = {"file": "-", "link": "l", "directory": "d"}


@verb("ls")
@direct_option
@click.argument("version", type=VERSION, metavar="VERSION")
@click.argument("path", type=NAME, default="", metavar="[PATH]")
@click.option("-l", "--long", is_flag=True, help="With modes, sizes and times.")
@click.pass_context
def command(ctx: click.Context, version: str, path: bytes, *, long: bool) -> None:
    """List the files of a version.

    \b
    Examples:
      expokeep ls shop-42
      expokeep ls shop-42@17 src -l
    """
    options = options_of(ctx)
    with asking(options) as asked:
        found = asked.ls(sent_version(version), path)
    if options.as_json:
        as_json(found)
        return
    for entry in found.entries:
        click.echo(_long(entry) if long else _name(entry))


def _name(entry: EntryDocument) -> str:
    return text.path(entry.path) + ("/" if entry.type == "directory" else "")


def _long(entry: EntryDocument) -> str:
    seconds = entry.mtime_ns // 1_000_000_000
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    arrow = f" -> {text.path(entry.target)}" if entry.target is not None else ""
    much = size.shown(entry.size_bytes) if entry.size_bytes is not None else "-"
    mode = entry.mode or "0777"
    kind = _TYPES[entry.type]
    return f"{kind} {mode} {much:>10} {text.moment(at)} {_name(entry)}{arrow}"
