"""The JSON contract of forks, reverts and templates. Fields are only ever added.

Each document says by `message_type` what it is.
"""

import datetime

import msgspec


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag=True
):
    """What every answer is."""


class Forked(_Document, frozen=True, tag="forked"):
    """A session that was begun with what another one has."""

    session: str
    """The new one."""
    version: int
    origin_session: str
    origin_version: int
    owner: str | None
    project_name: str | None
    file_count: int
    size_bytes: int
    template: str | None = None
    """The template that it was begun with, if it was one."""


class Reverted(_Document, frozen=True, tag="reverted"):
    """A session that went back, or would."""

    session: str
    state: str
    """`recorded`; `unchanged`: it is so already; `planned` in a dry run."""
    version: int | None
    """The new one; with `unchanged` the head; in a dry run None."""
    origin_version: int
    """The one that it went back to, whole or in part."""
    set_count: int
    gone_count: int
    """Paths that differ from the head before it."""
    directory: str | None
    """Where a directory of the session stands on this host that differs from it:
    whoever asked brings it in line by a restore. None: there is none such."""
    parked: str | None = None


class TemplateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A template, as lists show it."""

    name: str
    owner: str | None
    session: str
    version: int
    created_at: datetime.datetime
    project_name: str | None
    file_count: int
    size_bytes: int


class TemplateList(_Document, frozen=True, tag="templates"):
    """Templates, by name; `truncated` if there are more."""

    templates: tuple[TemplateDocument, ...]
    truncated: bool = False


class TemplateCreated(_Document, frozen=True, tag="template_created"):
    """A version that new sessions can be begun with."""

    template: TemplateDocument


class TemplateDeleted(_Document, frozen=True, tag="template_deleted"):
    """A template that is gone, or would be. The version is only held no longer."""

    template: TemplateDocument
    dry_run: bool
