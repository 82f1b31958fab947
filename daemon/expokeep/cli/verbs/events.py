"""`expokeep events`."""

import json
from typing import Any

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import SESSION, WORDS
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json, sent_moment
from expokeep.model.event import Event


@verb("events")
@click.argument("session", type=SESSION, default="", metavar="[SID]")
@click.option("-f", "--follow", is_flag=True, help="Go on as things happen.")
@click.option(
    "--since", type=WORDS, metavar="T", help="Only from then on: 15m, 2026-11-24T10:00."
)
@click.option(
    "--after", type=click.IntRange(0), metavar="N", help="Only behind event number N."
)
@click.pass_context
def command(ctx: click.Context, /, session: str, *, follow: bool, **wish: Any) -> None:
    """Show what happened lately, and follow what happens.

    The daemon remembers its newest 10,000 events, until it ends; what must last is in
    the versions and in `audit`. With --json an event is a line, and a heartbeat comes
    when all is told and every few seconds while nothing happens.

    \b
    Examples:
      expokeep events --since 1h
      expokeep events -f shop-42
      expokeep events -f --json | jq -r 'select(.kind == "version.parked").session'
    """
    options = options_of(ctx)
    since = sent_moment(wish["since"]) if wish["since"] else None
    lines = client(options).lines(
        "GET",
        "/v1/events",
        None,
        session=session or None,
        follow=follow,
        since=since,
        after=wish["after"],
    )
    for line in lines:
        if options.as_json:
            as_json(line)
        elif line["message_type"] == "event":
            click.echo(_told(msgspec.convert(line, Event)))


def _told(event: Event) -> str:
    details = " ".join(
        f"{name}={text.safe(value if isinstance(value, str) else json.dumps(value))}"
        for name, value in event.details.items()
        if value is not None
    )
    what = f"{text.moment(event.at)}  {text.safe(event.kind):<18}"
    return f"{what}  {text.safe(event.session) or '-'}  {details}".rstrip()
