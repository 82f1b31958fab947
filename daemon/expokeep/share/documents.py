"""The JSON contract of sharing. Fields are only ever added.

Each document says by `message_type` what it is. A token stands in one of them, once.
"""

import datetime

import msgspec


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag=True
):
    """What every answer is."""


class SuspicionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Something that looks like a secret; not the secret."""

    path: str
    line: int | None
    """None: it is the name of the file."""
    kind: str


class ShareFields(msgspec.Struct, frozen=True, kw_only=True):
    """A share, as those see it whose session it is of."""

    share: str
    """Its public id. It opens nothing."""
    state: str
    """`live`, `revoked`, `expired`, `used_up`, or `gone`: what it lends is no more."""
    session: str
    version: int | None
    """None: the newest, whatever it is when somebody imports."""
    owner: str | None
    project_name: str | None
    has_password: bool
    users: tuple[str, ...] | None
    """None: for everybody who has the token."""
    uses: int
    """Those under way as well."""
    max_uses: int | None
    allows_secrets: bool
    is_known_here: bool
    """False: another host made it under a key of its own; only there it opens."""
    created_at: datetime.datetime
    created_by: str | None
    expires_at: datetime.datetime
    revoked_at: datetime.datetime | None
    revoked_by: str | None
    used_at: datetime.datetime | None
    """When something was last imported."""


class ShareDocument(_Document, frozen=True, tag="share"):
    """One share."""

    share: ShareFields


class ShareList(_Document, frozen=True, tag="shares"):
    """Shares, the newest first."""

    shares: tuple[ShareFields, ...]
    truncated: bool


class ShareCreated(_Document, frozen=True, tag="share_created"):
    """A share that was made, or would be."""

    share: ShareFields | None
    """None of a dry run."""
    token: str | None
    """Opens it. It cannot be asked for again."""
    url: str | None
    suspicions: tuple[SuspicionDocument, ...]
    """What looks like a secret, and is lent all the same."""
    passed_over: int
    """Files that may be text and were not looked into: too large, or too many."""
    dry_run: bool


class SharesRevoked(_Document, frozen=True, tag="shares_revoked"):
    """Shares that open nothing any more, or would not."""

    shares: tuple[str, ...]
    dry_run: bool
    session: str | None = None
    """Whose they were; None where there were none."""


class SharedBuild(_Document, frozen=True, tag="shared_build"):
    """What somebody may import who has a token."""

    project_name: str | None
    has_password: bool
    """Then nothing else is told here without it."""
    file_count: int | None
    size_bytes: int | None
    expires_at: datetime.datetime | None
    uses_left: int | None
    """None: any number, or it is not told."""


class ShareImported(_Document, frozen=True, tag="share_imported"):
    """A session that began with what was shared."""

    session: str
    version: int
    owner: str | None
    project_name: str | None
    file_count: int
    size_bytes: int


class UseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A use of a share."""

    used_at: datetime.datetime
    user: str | None
    uid: int | None
    """Told to operators."""
    version: int
    session: str | None
    """The one that began; told to operators."""
    outcome: str
    """`imported`, `under_way`, or `given_back`: nothing came of it."""


class RefusalDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How often somebody with the token was turned away for one reason."""

    reason: str
    count: int
    last_at: datetime.datetime
    last_user: str | None


class ShareAudit(_Document, frozen=True, tag="share_audit"):
    """What became of a share."""

    share: ShareFields
    used: tuple[UseDocument, ...]
    """The newest first."""
    refused: tuple[RefusalDocument, ...]
    truncated: bool


class PopularDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A session, by how often it was imported."""

    session: str
    owner: str | None
    project_name: str | None
    shares: int
    imported: int
    given_back: int
    refused: int
    last_at: datetime.datetime | None


class ShareTop(_Document, frozen=True, tag="most_shared"):
    """Sessions, the one that was imported most often first."""

    sessions: tuple[PopularDocument, ...]
