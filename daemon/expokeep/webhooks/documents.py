"""The JSON contract of webhooks: what is sent, and what is answered about them."""

import datetime
import uuid
from typing import Any

import msgspec


class WebhookDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How a webhook stands."""

    webhook: str
    """What it is called here: its URL may be a secret."""
    place: str
    events: tuple[str, ...]
    waiting: int
    dead: int
    """Given up: nobody took them for a day."""
    oldest_at: datetime.datetime | None
    error: str | None
    is_ours: bool
    """The settings of the host that answers name it."""


class WebhookList(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="webhooks"
):
    """All that any host was told of."""

    webhooks: tuple[WebhookDocument, ...]


class WebhookTried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request that was sent to try a webhook."""

    webhook: str
    place: str
    error: str | None


class WebhooksTried(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="message_type",
    tag="webhooks_tried",
):
    """What came of each."""

    tried: tuple[WebhookTried, ...]


class WebhooksRevived(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="message_type",
    tag="webhooks_revived",
):
    """What was given up, and is tried again."""

    revived: int


def sent(
    event: uuid.UUID,
    kind: str,
    at: datetime.datetime,
    session: str | None,
    details: dict[str, Any],
) -> bytes:
    """Return the body of a request."""
    head = {"id": str(event), "kind": kind, "at": at, "session": session}
    return msgspec.json.encode({**details, **head})
