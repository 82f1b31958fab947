"""Tells the daemon to hold back, or to go on; the same for `pause` and `resume`."""

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.options import Options
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.history.documents import Paused


def told(
    options: Options,
    path: str,
    session: str,
    for_s: float | None,
    *,
    everything: bool,
) -> Paused:
    """Ask, print what is held back now, and return it."""
    if bool(session) == everything:
        raise click.UsageError("name one session, or say --all")
    body = {"session": session or None, "for_s": for_s}
    found = decode(client(options).post(f"{path}?abbreviated=1", body), Paused)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        click.echo(_shown(found))
    return found


def _shown(found: Paused) -> str:
    held = ["all sessions"] if found.everything else list(found.sessions)
    if not held:
        return "nothing is held back"
    until = f" until {text.moment(found.until)}" if found.until else ""
    return f"held back: {', '.join(held)}{until}"
