"""The JSON contract of forgetting and deleting. Fields are only ever added.

Each document says by `message_type` what it is.
"""

import datetime

import msgspec


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag=True
):
    """What every answer is."""


class ForgottenDocument(_Document, frozen=True, tag="forgotten"):
    """What was forgotten of a session, or would be."""

    session: str
    seqs: tuple[int, ...]
    stay: int
    """How many versions are left."""
    content_count: int
    """Contents that nobody needs any more."""
    content_bytes: int
    """Of these contents, before compression."""
    dry_run: bool


class ForgetEnded(_Document, frozen=True, tag="forget_ended"):
    """What a forget came to."""

    sessions: int
    versions: int
    content_bytes: int
    dry_run: bool


class DeletedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A deleted session, as lists show it."""

    session: str
    owner: str | None
    project_name: str | None
    deleted_at: datetime.datetime
    expired: bool
    """Nobody deleted it: nobody came for long."""
    gone_at: datetime.datetime
    """When it can no longer be had back, unless something more is recorded beneath."""
    versions: int
    size_bytes: int


class DeletedList(_Document, frozen=True, tag="deleted_sessions"):
    """Deleted sessions that can be had back, the newest deletion first."""

    sessions: tuple[DeletedDocument, ...]
    truncated: bool


class SessionDeleted(_Document, frozen=True, tag="session_deleted"):
    """A session that is hidden now, or would be."""

    session: str
    versions: int
    content_count: int
    """Contents that no other session has."""
    content_bytes: int
    gone_at: datetime.datetime | None
    """When it can no longer be had back; None: it cannot be had back already."""
    dry_run: bool


class SessionUndeleted(_Document, frozen=True, tag="session_undeleted"):
    """A session that is back."""

    session: str


class CollectedDocument(_Document, frozen=True, tag="collected"):
    """What a collection came to, or would."""

    expired: tuple[str, ...]
    """Sessions that nobody came for, deleted now."""
    purged: tuple[str, ...]
    """Deleted sessions that can no longer be had back."""
    merged: int
    """Packs that were written so that others can go."""
    retired: int
    """Packs that nobody needs any more; they go when the grace is over."""
    retired_bytes: int
    deleted: int
    """Objects that are gone."""
    deleted_bytes: int
    failed: dict[str, str]
    """Objects that could not be deleted, and why. They are tried again."""
    aborted: int
    """Unfinished uploads that were ended."""
    is_done: bool
    """False: there is more to do, and the next run does it."""
    dry_run: bool


class Labelled(_Document, frozen=True, tag="labelled"):
    """A label, and the version that it is on now."""

    session: str
    label: str
    version: int | None
    """None: it is on none any more."""
    before: int | None
    """The version that it was on, if it was on one."""
    dry_run: bool = False


class Pinned(_Document, frozen=True, tag="pinned"):
    """A version that is pinned, or no longer."""

    session: str
    version: int
    is_pinned: bool
    dry_run: bool = False
