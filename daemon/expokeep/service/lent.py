"""What came of sharing, as documents."""

import msgspec

from expokeep.catalog.shares import Door, Popular, Refusal, ShareRow, UseRow
from expokeep.model.names import to_text
from expokeep.share import documents
from expokeep.share.importing import Imported
from expokeep.share.lending import Lent
from expokeep.share.scan import Findings, Suspicion


def share_fields(row: ShareRow) -> documents.ShareFields:
    """Return a share."""
    return documents.ShareFields(
        share=row.name,
        state=row.state,
        session=row.session,
        version=row.seq,
        owner=row.owner,
        project_name=row.project_name,
        has_password=row.has_password,
        users=row.users,
        uses=row.uses,
        max_uses=row.max_uses,
        allows_secrets=row.secrets_allowed,
        is_known_here=row.is_known_here,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        used_at=row.used_at,
    )


def created(lent: Lent, url: str) -> documents.ShareCreated:
    """Return a share that was made; the only time that its token is told."""
    return documents.ShareCreated(
        share=share_fields(lent.row),
        token=lent.token.text,
        url=url,
        suspicions=_suspicions(lent.findings.suspicions),
        passed_over=lent.findings.passed_over,
        dry_run=False,
    )


def not_created(findings: Findings) -> documents.ShareCreated:
    """Return what would be lent."""
    return documents.ShareCreated(
        share=None,
        token=None,
        url=None,
        suspicions=_suspicions(findings.suspicions),
        passed_over=findings.passed_over,
        dry_run=True,
    )


def shared_build(door: Door) -> documents.SharedBuild:
    """Return what somebody with a token may know; of what has a password, nothing."""
    if door.password is not None:
        return documents.SharedBuild(
            project_name=None,
            has_password=True,
            file_count=None,
            size_bytes=None,
            expires_at=None,
            uses_left=None,
        )
    return documents.SharedBuild(
        project_name=door.project_name,
        has_password=False,
        file_count=door.file_count,
        size_bytes=door.size_bytes,
        expires_at=door.expires_at,
        uses_left=door.uses_left,
    )


def imported_document(
    imported: Imported, owner: str | None, project_name: str | None
) -> documents.ShareImported:
    """Return a session that began with what was shared; not a word of whose that is."""
    version = imported.version
    return documents.ShareImported(
        session=version.session,
        version=version.seq,
        owner=owner,
        project_name=project_name,
        file_count=version.file_count,
        size_bytes=version.size_bytes,
    )


def audit(
    row: ShareRow,
    uses: tuple[list[UseRow], int],
    refusals: list[Refusal],
    *,
    tells_all: bool,
) -> documents.ShareAudit:
    """Return what became of a share.

    Args:
        row: the share.
        uses: its uses, and how many of them are told.
        refusals: who was turned away.
        tells_all: which sessions began with it, too: those are of others.
    """
    found, most = uses
    return documents.ShareAudit(
        share=share_fields(row),
        used=tuple(_use(use, tells_all=tells_all) for use in found[:most]),
        refused=tuple(_refusal(refusal) for refusal in refusals),
        truncated=len(found) > most,
    )


def popular(found: Popular) -> documents.PopularDocument:
    """Return how often a session was imported."""
    return documents.PopularDocument(
        session=found.session,
        owner=found.owner,
        project_name=found.project_name,
        shares=found.shares,
        imported=found.imported,
        given_back=found.given_back,
        refused=found.refused,
        last_at=found.last_at,
    )


def encoded(document: msgspec.Struct) -> bytes:
    """Return the JSON of a document."""
    return msgspec.json.encode(document)


def _use(use: UseRow, *, tells_all: bool) -> documents.UseDocument:
    return documents.UseDocument(
        used_at=use.used_at,
        user=use.user,
        uid=use.uid if tells_all else None,
        version=use.seq,
        session=use.session if tells_all else None,
        outcome=use.outcome,
    )


def _refusal(refusal: Refusal) -> documents.RefusalDocument:
    return documents.RefusalDocument(
        reason=refusal.reason,
        count=refusal.count,
        last_at=refusal.last_at,
        last_user=refusal.last_user,
    )


def _suspicions(
    found: tuple[Suspicion, ...],
) -> tuple[documents.SuspicionDocument, ...]:
    return tuple(
        documents.SuspicionDocument(
            path=to_text(one.path), line=one.line, kind=one.kind
        )
        for one in found
    )
