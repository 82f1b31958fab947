"""What happened, as all who listen are told of it.

Fields are only ever added, and so are kinds. There is never a token or a secret in it.
"""

import datetime
from typing import Any

import msgspec


class Event(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="event"
):
    """One thing that happened to a session, or to the daemon."""

    number: int
    """Grows with each event, also from one process of a daemon to its next."""
    at: datetime.datetime
    kind: str
    """Such as `version.created`: docs/API.md lists them."""
    session: str | None
    """None if it concerns no session, or all of them."""
    details: dict[str, Any]
    """What more there is to say; what is in it goes by the kind."""


class Heartbeat(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="heartbeat"
):
    """Nothing happened, and whoever tells of it is still there."""

    number: int
    """The newest event's: whoever asks again goes on from there."""
