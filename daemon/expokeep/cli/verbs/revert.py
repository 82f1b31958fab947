"""`expokeep revert`."""

import dataclasses
from typing import Any

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.bar import bar
from expokeep.cli.bringing import Bringing, bring
from expokeep.cli.brought import print_brought
from expokeep.cli.kinds import NAME, SESSION, VERSION, WORDS
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json, sent_moment
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.errors import Parked, Partial
from expokeep.fork.documents import Reverted
from expokeep.model.names import to_text


@verb("revert")
@click.argument("session", type=SESSION, metavar="SID")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.argument("paths", type=NAME, nargs=-1, metavar="[PATH]...")
@click.option("-m", "--message", type=WORDS, metavar="TEXT", help="Why.")
@click.option("--force", is_flag=True, help="Also from a host that is alive.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    session: str,
    version: str,
    paths: tuple[bytes, ...],
    **choices: Any,
) -> None:
    """Go back to an older version, as a whole or only some paths of it.

    History is kept: what was there is saved first, and going back is a new version,
    which you can go back from. With PATHs only these, and what is below them, become
    what they were; one that was not there then goes. VERSION is one of the same
    session: `17`, `2h`, `label:NAME`, or in full `SID@17`.

    The session's directory on this host is brought in line: a restore takes its place
    in one step, with your rights, and the old one stays beside it. The session is named
    by its whole id.

    \b
    Examples:
      expokeep revert shop-42 15m src/App.js src/theme
      expokeep revert shop-42 label:demo --dry-run
    """
    options = options_of(ctx)
    body = {
        "version": _version(session, version),
        "paths": [to_text(path) for path in paths],
        **choices,
    }
    if not choices["dry_run"] and not options.yes:
        planned = _asked(options, session, {**body, "dry_run": True})
        confirm(options, _question(planned))
    reverted = _asked(options, session, body)
    _print(options, reverted)
    if reverted.state != "planned":
        _bring_in_line(options, reverted, force=choices["force"])


def _print(options: Options, reverted: Reverted) -> None:
    if options.as_json:
        as_json(reverted)
    elif not options.quiet:
        click.echo(_told(reverted))
    if reverted.parked:
        kept = f"version {reverted.version} is kept beside the newest one"
        raise Parked(f"{kept}: {reverted.parked}")


def _version(session: str, version: str) -> str:
    sid, separator, selector = version.rpartition("@")
    word = selector if selector.lstrip("-").isdecimal() else sent_moment(selector)
    return f"{sid}{separator}{word}" if separator else f"{session}@{word}"


def _asked(options: Options, session: str, body: dict[str, Any]) -> Reverted:
    path = f"/v1/sessions/{segment(session)}/revert"
    with bar(options, "saving") as advance:
        for line in client(options).lines("POST", path, body):
            if line["message_type"] == "reverted":
                return decode(msgspec.json.encode(line), Reverted)
            advance(line["done_bytes"], line["total_bytes"])
    raise Partial("the daemon did not say how it ended; see `expokeep log`")


def _bring_in_line(options: Options, reverted: Reverted, *, force: bool) -> None:
    """Let the directory be what the session is now, with the rights of the caller."""
    if reverted.directory is None or reverted.version is None:
        return
    wish = Bringing(
        version=f"{reverted.session}@{reverted.version}",
        target=None,
        existing="swap",
        force=force,
        is_exact=True,
    )
    # It was asked already, or there was nobody to ask.
    brought = bring(dataclasses.replace(options, yes=True), wish)
    print_brought(options, brought, dry_run=False)


def _question(planned: Reverted) -> str:
    where = f", and {text.path(planned.directory)} too" if planned.directory else ""
    return (
        f"Go back to version {planned.origin_version} of {planned.session}: "
        f"{_changes(planned)}{where}?"
    )


def _changes(reverted: Reverted) -> str:
    return f"{reverted.set_count} changed, {reverted.gone_count} gone"


def _told(reverted: Reverted) -> str:
    session, origin = reverted.session, reverted.origin_version
    if reverted.state == "unchanged":
        return f"{session} is as version {origin} was; nothing to do"
    if reverted.state == "planned":
        return f"{session} would go back to version {origin}: {_changes(reverted)}"
    return (
        f"{session} is back at version {origin}, as version {reverted.version}: "
        f"{_changes(reverted)}"
    )
