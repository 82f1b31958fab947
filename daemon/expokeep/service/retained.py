"""What came of letting go, as documents."""

import datetime

from expokeep.catalog.caring import Deleted, Weight
from expokeep.retention.collect import Collected
from expokeep.retention.documents import (
    CollectedDocument,
    DeletedDocument,
    ForgottenDocument,
    SessionDeleted,
)
from expokeep.retention.forget import Forgotten


def forgotten_document(found: Forgotten, *, dry_run: bool) -> ForgottenDocument:
    """Return what was forgotten of a session."""
    return ForgottenDocument(
        session=found.session,
        seqs=found.seqs,
        stay=found.stay,
        content_count=found.weight.contents,
        content_bytes=found.weight.size_bytes,
        dry_run=dry_run,
    )


def deleted_document(found: Deleted, grace_s: float) -> DeletedDocument:
    """Return a deleted session."""
    return DeletedDocument(
        session=found.session,
        owner=found.owner,
        project_name=found.project_name,
        deleted_at=found.deleted_at,
        expired=found.expired,
        gone_at=found.deleted_at + datetime.timedelta(seconds=grace_s),
        versions=found.versions,
        size_bytes=found.size_bytes,
    )


def session_deleted(
    session: str,
    weight: Weight,
    gone_at: datetime.datetime | None,
    *,
    dry_run: bool,
) -> SessionDeleted:
    """Return what a deletion came to."""
    return SessionDeleted(
        session=session,
        versions=weight.versions,
        content_count=weight.contents,
        content_bytes=weight.size_bytes,
        gone_at=gone_at,
        dry_run=dry_run,
    )


def collected_document(found: Collected, *, dry_run: bool) -> CollectedDocument:
    """Return what a collection came to."""
    swept = found.swept
    return CollectedDocument(
        expired=found.expired,
        purged=found.purged,
        merged=len(found.merged),
        retired=swept.retired,
        retired_bytes=swept.retired_bytes,
        deleted=swept.deleted,
        deleted_bytes=swept.deleted_bytes,
        failed=swept.failed,
        aborted=swept.aborted,
        is_done=swept.is_done,
        dry_run=dry_run,
    )
