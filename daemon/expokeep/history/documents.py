"""The JSON contract: every answer of the daemon and of `expokeep --json`.

Fields are only ever added, and a reader skips those that it does not know. Each says by
`message_type` what it is. What all share is in `model.documents`.
"""

import datetime
from typing import Literal

import msgspec

from expokeep.history.app_tables_status import AppTablesStatus
from expokeep.history.examined import Check, DaemonSetup
from expokeep.history.hooked import HookDocument
from expokeep.history.logged import LoggedVersion
from expokeep.history.monitoring_status import MonitoringStatus
from expokeep.history.spool_status import SpoolStatus
from expokeep.history.watch_status import WatchStatus
from expokeep.model.documents import (
    EntryDocument,
    EntryType,
    ExpiringDocument,
    HeldDocument,
    VersionDocument,
)
from expokeep.model.proof import ProofDocument

State = Literal["idle", "dirty", "saving", "waiting", "paused", "ended"]
"""Of a session: nothing to do; changed; being kept; kept in the spool and on its way;
held back; its directory is gone."""


class Document(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag=True
):
    """What every answer is."""


class Failure(Document, frozen=True, tag="error"):
    """A request that failed; in a stream that has begun, its last line."""

    error: str
    hint: str = ""
    exit_code: int = 1


class Progress(Document, frozen=True, tag="progress"):
    """How far a long operation is."""

    done_bytes: int
    total_bytes: int
    phase: str = ""


# --- what was kept ---------------------------------------------------------------


class SessionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A session, as lists show it."""

    session: str
    owner: str | None
    project_name: str | None
    host: str | None
    last_seq: int
    head_seq: int | None
    file_count: int
    size_bytes: int
    created_at: datetime.datetime
    saved_at: datetime.datetime | None
    accessed_at: datetime.datetime
    parked_count: int


class SessionList(Document, frozen=True, tag="sessions"):
    """Sessions; `truncated` if there are more than were asked for."""

    sessions: tuple[SessionDocument, ...]
    truncated: bool = False


class ChangeDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One path that differs. What does not apply is left out."""

    change: Literal["A", "M", "D", "T", "R"]
    """Added, modified, deleted, another type, renamed."""
    path: str
    type: EntryType
    """As it is now; of what was deleted, as it was."""
    old_path: str | None = None
    old_type: EntryType | None = None
    size_bytes: int | None = None
    old_size_bytes: int | None = None
    mode: str | None = None
    old_mode: str | None = None
    added_lines: int | None = None
    removed_lines: int | None = None
    binary: bool = False
    note: str | None = None
    """Why there is no patch, and no count of lines."""
    patch: str | None = None
    """In git's form: `git apply` and `patch -p1` read it."""


class VersionShown(Document, frozen=True, tag="version"):
    """One version in full, and what it changed."""

    version: LoggedVersion
    is_head: bool
    uid: int
    gid: int
    mode: str
    pack_key: str | None
    """Where its own contents are in the bucket; None if all of them were known."""
    changes: tuple[ChangeDocument, ...]
    """Against its parent; without one, all of it."""
    waiting: int = 0
    """Newer snapshots of the session that are on this host only."""
    hook: HookDocument | None = None
    """What came of the command on it, if one was run."""


class TreeListing(Document, frozen=True, tag="tree"):
    """What a version has at a path and below it, sorted."""

    version: VersionDocument
    path: str
    entries: tuple[EntryDocument, ...]


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A path, and the versions from `first_seq` to `last_seq` that had it so."""

    session: str
    epoch: int
    first_seq: int
    last_seq: int | None
    """None: the newest version of its epoch still has it."""
    entry: EntryDocument


class Finding(Document, frozen=True, tag="found"):
    """Every path that ever matched, or that ever had some contents."""

    glob: str | None
    """None: contents were looked for."""
    matches: tuple[Match, ...]
    truncated: bool = False
    digest: str | None = None


class Difference(Document, frozen=True, tag="diff"):
    """What turns one version into another."""

    old: VersionDocument | None
    """None: `new` is compared with nothing, because nothing was before it."""
    new: VersionDocument
    changes: tuple[ChangeDocument, ...]


# --- how things are --------------------------------------------------------------


class Info(Document, frozen=True, tag="info"):
    """Who answers."""

    version: str
    pid: int
    started_at: datetime.datetime
    host: str
    host_id: str
    state_dir: str
    watch: tuple[str, ...]
    schema: int | None
    embedded: bool = False
    contract: int = 1


class SkippedPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path that could not be kept."""

    path: str
    reason: str


class SessionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A session directory on this host."""

    session: str
    directory: str
    state: State
    unsaved_since: datetime.datetime | None
    last_seq: int | None
    last_saved_at: datetime.datetime | None
    pending: int
    """Snapshots in the spool."""
    skipped: tuple[SkippedPath, ...] = ()
    excluded_count: int = 0
    last_error: str | None = None
    refused_since: datetime.datetime | None = None
    """When the spool began to take nothing of it."""
    held_by: str | None = None
    """The other host that holds the session: what is kept here is parked."""
    parked_count: int = 0
    """Versions of it that are parked."""
    held_elsewhere: tuple[HeldDocument, ...] = ()
    """What other hosts hold of it and could not record yet."""
    over_quota: str | None = None
    """Why its newest version is parked, if that is because of a quota."""
    too_big: str | None = None
    """Why it stays at its last version: it is larger than a build may be."""
    expires_at: datetime.datetime | None = None
    """When it goes if nobody comes for it, if that is soon."""
    uid: int | None = None
    """Whose the session is. What another user has in its place is not kept as it."""


class Status(Document, frozen=True, tag="status"):
    """Whether all is well, and what is not."""

    state: Literal["ok", "degraded"]
    oldest_unsaved_at: datetime.datetime | None
    spool: SpoolStatus
    watch: WatchStatus
    store_error: str | None
    catalog_error: str | None
    sessions: tuple[SessionStatus, ...]
    proofs: tuple[ProofDocument, ...] = ()
    """The last check and the last drill, to operators."""
    expiring: tuple[ExpiringDocument, ...] = ()
    """At most 100, on any host."""
    over_quota_count: int = 0
    """Sessions that a quota keeps parked, on any host; at most 100."""
    app_tables: AppTablesStatus | None = None
    """To operators, where there are such tables."""
    webhooks_given_up: int = 0
    """What nobody took for a day, to operators."""
    monitoring: MonitoringStatus | None = None


class Doctor(Document, frozen=True, tag="doctor"):
    """What is healthy, and what to do about the rest."""

    checks: tuple[Check, ...]
    setup: DaemonSetup | None = None
    """Of the daemon that looked."""


class DbStatus(Document, frozen=True, tag="db"):
    """The schema in Postgres, beside the one that this program knows."""

    found: int
    known: int
    pending: tuple[str, ...]


class Migrated(Document, frozen=True, tag="migrated"):
    """Migrations that were applied, or that would be."""

    applied: tuple[str, ...]
    dry_run: bool = False


# --- what was done ---------------------------------------------------------------


class Accepted(Document, frozen=True, tag="accepted"):
    """A version that is head now, and the one that was."""

    session: str
    version: int
    replaced: int | None
    """Pinned: it stays."""


class Flushed(Document, frozen=True, tag="flushed"):
    """What became of a flush; `pending` snapshots are still in the spool."""

    sessions: tuple[str, ...]
    pending: int
    unsaved: int = 0
    """Sessions with changes that are in no snapshot yet."""
    waited: bool = False


class Paused(Document, frozen=True, tag="paused"):
    """What is held back now, after a pause or a resume."""

    everything: bool
    sessions: tuple[str, ...]
    until: datetime.datetime | None = None
