"""Prints documents by contract, and reads times as their caller means them."""

import datetime
from typing import Any

import click
import msgspec

from expokeep.cli.options import options_of


def as_json(document: msgspec.Struct | dict[str, Any]) -> None:
    """Print a document on one line."""
    click.echo(msgspec.json.encode(document).decode())


def sent_version(ref: str) -> str:
    """Return a VERSION as the daemon is to understand it.

    A time without an offset is the caller's; the daemon lives in UTC.
    """
    sid, separator, selector = ref.partition("@")
    if selector.isdecimal():  # a version's number, though some look like a date
        return ref
    return f"{sid}{separator}{sent_moment(selector)}"


def sent_moment(text: str) -> str:
    """Return a point in time as the daemon is to understand it.

    What was taken to be in the caller's zone is told on stderr, in UTC.
    """
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return text
        sent = moment.astimezone(datetime.UTC).isoformat()
    except (ValueError, OverflowError):
        return text  # an age, or nothing: the daemon will say
    options = options_of(click.get_current_context())
    if not (options.quiet or options.as_json):
        click.echo(f"{text} is {sent.replace('+00:00', 'Z')}", err=True)
    return sent
