"""What the control socket says of exports: the JSON contract. Fields are only added."""

import datetime

import msgspec


class ExportTerms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="message_type",
    tag="export-terms",
):
    """By which rules this deployment exports and imports."""

    secret_patterns: tuple[str, ...]
    """Files that count as secret by their names, in gitignore syntax."""
    max_build_bytes: int
    max_file_bytes: int
    """What an import may hold, and one file of it."""
    sessions_directory: str
    """Where sessions live on the daemon's host."""


class Planned(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="planned"
):
    """A link that works for a while, for whoever has it."""

    session: str
    version: int | None
    """None: it is on one host only, and has no number yet."""
    format: str
    url: str
    expires_at: datetime.datetime
    size_bytes: int | None = None
    sha256: str | None = None
    """Of the archive; None of the one that the application reads."""
    left_out: tuple[str, ...] = ()
    """Files that look like secrets."""


class PublishedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An archive for everybody."""

    id: str
    session: str
    version: int
    format: str
    published_at: datetime.datetime
    url: str
    expires_at: datetime.datetime | None
    """Of the link; None where it is for ever."""


class Publication(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="published"
):
    """What became of publishing a version."""

    published: PublishedDocument
    size_bytes: int
    sha256: str
    left_out: tuple[str, ...] = ()


class PublicationList(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="message_type",
    tag="publications",
):
    """What of some sessions is public."""

    published: tuple[PublishedDocument, ...]
    truncated: bool = False


class Withdrawn(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="withdrawn"
):
    """What is not public any more."""

    published: tuple[PublishedDocument, ...]
