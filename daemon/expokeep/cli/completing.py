"""What a shell is told when somebody presses TAB."""

import contextlib
from dataclasses import replace

import click
from click.shell_completion import CompletionItem

from expokeep.cli.asking import client
from expokeep.cli.options import options_of
from expokeep.cli.remote import Remote
from expokeep.errors import ExpokeepError


def sessions(
    ctx: click.Context, prefix: str, limit: int, within_s: float
) -> list[CompletionItem]:
    """Return the sessions that begin so; none if the daemon does not answer at once."""
    # Nobody wants to read an error in the middle of a line that is being typed.
    with contextlib.suppress(ExpokeepError):
        asked = Remote(client(replace(options_of(ctx), timeout_s=within_s)))
        found = asked.sessions(user=None, prefix=prefix, limit=limit, sort="age")
        return [
            CompletionItem(one.session, help=one.project_name or "")
            for one in found.sessions
        ]
    return []
