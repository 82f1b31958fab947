"""The JSON contract of what operators do to a daemon, and of what was done."""

import datetime
from typing import Any

import msgspec

from expokeep.history.documents import Document


class Drained(Document, frozen=True, tag="drained"):
    """How a drain ended: done if nothing is left and the leases are given back."""

    done: bool
    unsaved: int
    """Sessions with changes that are in no snapshot yet."""
    pending: int
    """Snapshots that are in the spool and not recorded."""
    released: int
    """Sessions that another host may take over at once."""
    errors: tuple[str, ...] = ()
    """What stands in the way, one line each."""


class Reloaded(Document, frozen=True, tag="reloaded"):
    """What came of reading the configuration again, by dotted keys."""

    applied: tuple[str, ...]
    """Hold from now on."""
    restart: tuple[str, ...]
    """Differ from what the daemon runs on, and take a restart."""
    file: str | None = None


class AuditDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One act that destroyed something or changed rights."""

    id: int
    at: datetime.datetime
    host: str
    uid: int
    user: str | None
    """On whose behalf."""
    action: str
    subject: str | None
    session: str | None
    details: dict[str, Any]
    """What the request said, secrets masked."""
    ended_at: datetime.datetime | None
    """None while it is under way, and if the daemon was killed in it."""
    exit_code: int | None
    error: str | None


class AuditList(Document, frozen=True, tag="audit"):
    """Acts, newest first; `truncated` if there are more than were asked for."""

    acts: tuple[AuditDocument, ...]
    truncated: bool = False
