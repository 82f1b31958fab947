"""Prints answers: as JSON by contract, or as text for a person."""

import datetime

import click
import msgspec


def as_json(document: msgspec.Struct) -> None:
    """Print a document on one line."""
    click.echo(msgspec.json.encode(document).decode())


def sent_version(ref: str) -> str:
    """Return a VERSION as the daemon is to understand it.

    A time without an offset is the caller's; the daemon lives in UTC.
    """
    sid, separator, selector = ref.partition("@")
    moment = _as_moment(selector)
    if moment is None or moment.tzinfo is not None:
        return ref
    return f"{sid}{separator}{moment.astimezone(datetime.UTC).isoformat()}"


def sent_moment(text: str | None) -> str | None:
    """Return a point in time as the daemon is to understand it."""
    moment = _as_moment(text or "")
    if moment is None or moment.tzinfo is not None:
        return text
    return moment.astimezone(datetime.UTC).isoformat()


def _as_moment(text: str) -> datetime.datetime | None:
    # A bare number is a version's, though `fromisoformat` would take some for a date.
    if "-" not in text.lstrip("-"):
        return None
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
