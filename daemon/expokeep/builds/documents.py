"""The JSON contract of builds and quotas. Fields are only ever added.

Each document says by `message_type` what it is.
"""

import datetime

import msgspec


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag=True
):
    """What every answer is."""


class BuildDocument(_Document, frozen=True, tag="build"):
    """A session as its owner sees it: all that a list of builds shows."""

    session: str
    owner: str | None
    project_name: str | None
    version: int | None
    """The newest; None while all of it is parked."""
    file_count: int
    size_bytes: int
    """Of its files, before compression, whatever is stored only once."""
    message: str | None
    labels: tuple[str, ...]
    created_at: datetime.datetime
    saved_at: datetime.datetime | None
    accessed_at: datetime.datetime
    expires_at: datetime.datetime | None
    """If nobody comes for it; None: never."""
    is_pinned: bool
    """It never expires: a person pinned a version of it, or it is a template."""
    is_shared: bool
    parked: str | None
    """Why its newest version is parked, if it is."""
    deleted_at: datetime.datetime | None
    expired: bool
    """Nobody deleted it: nobody came for it."""
    gone_at: datetime.datetime | None
    """Until then a deleted one can be had back."""
    icon: str | None
    """The path of the app's icon in the newest version."""
    directory: str | None
    """Where it is on the host that answers, if it is there."""


class BuildList(_Document, frozen=True, tag="builds"):
    """Builds, the one used last first."""

    builds: tuple[BuildDocument, ...] = ()
    next: str | None = None
    """What to send as `after` for the next page; None: there is none."""


class QuotaDocument(_Document, frozen=True, tag="quota"):
    """What one user has, and may have."""

    user: str
    builds: int
    size_bytes: int
    """Of the files of all of them."""
    max_builds: int
    max_bytes: int | None
    """None: any."""
    is_default: bool
    """Nobody has set anything for this user."""
    waiting: int
    """Sessions that are kept, parked, because they would be one build too many."""


class QuotaList(_Document, frozen=True, tag="quotas"):
    """What users have and may have, and what holds for all."""

    users: tuple[QuotaDocument, ...]
    truncated: bool
    max_builds: int
    """Of a user for whom nobody has set anything."""
    on_too_many_builds: str
    max_build_bytes: int
    on_build_too_big: str
