"""The JSON contract of checks and repairs. Fields are only ever added.

Each document says by `message_type` what it is.
"""

import uuid

import msgspec

from expokeep.check.mending import Repaired, Step
from expokeep.check.values import Affected, Finding, Outcome, Progress


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag=True
):
    """What every answer is."""


class SessionVersions(msgspec.Struct, frozen=True, kw_only=True):
    """Versions of one session."""

    session: str
    seqs: tuple[int, ...]


class CheckProgress(_Document, frozen=True, tag="progress"):
    """How far a check is."""

    done_bytes: int
    total_bytes: int
    phase: str


class FindingDocument(_Document, frozen=True, tag="finding"):
    """One thing that is not as it should be."""

    kind: str
    is_damage: bool
    """False: it is left over, and harms no version."""
    detail: str
    key: str | None
    """Of the object, if it is one."""
    pack: uuid.UUID | None
    session: str | None
    affected: tuple[SessionVersions, ...]
    """The versions that cannot be restored whole."""
    untold: tuple[SessionVersions, ...]
    """Versions that restore, but that a rebuild would not find."""
    advice: str


class Checked(_Document, frozen=True, tag="checked"):
    """The outcome of a check."""

    session: str | None
    """None: everything was checked."""
    read: str | None
    """How much was to be read, in the caller's words."""
    is_well: bool
    sessions: int
    versions: int
    packs: int
    objects: int
    read_packs: int
    read_bytes: int
    damage: int
    """Findings that harm something."""
    leftovers: int
    affected: tuple[SessionVersions, ...]
    """All versions that cannot be restored whole."""
    took_s: float


class RepairStep(_Document, frozen=True, tag="step"):
    """One thing that a repair does, or would do."""

    action: str
    detail: str
    key: str | None
    """Of the object, or the path of a spool entry, that it is about."""
    session: str | None
    affected: tuple[SessionVersions, ...]
    """The versions that it is for."""


class RepairOutcome(_Document, frozen=True, tag="repaired"):
    """What a repair came to."""

    what: str
    dry_run: bool
    steps: int
    lost: tuple[SessionVersions, ...]
    """Versions that nothing can mend: parked, and never deleted."""


def document_of(
    said: Progress | Finding | Outcome | Step | Repaired,
) -> msgspec.Struct:
    """Return what a check or a repair says as a document."""
    match said:
        case Step():
            return RepairStep(
                action=said.action,
                detail=said.detail,
                key=said.key,
                session=said.session,
                affected=affected_document(said.affected),
            )
        case Repaired():
            return RepairOutcome(
                what=said.what,
                dry_run=said.dry_run,
                steps=said.steps,
                lost=affected_document(said.lost),
            )
        case Progress():
            return CheckProgress(
                done_bytes=said.done_bytes,
                total_bytes=said.total_bytes,
                phase=said.phase,
            )
        case Finding():
            return finding_document(said)
        case Outcome():
            return _checked(said)


def finding_document(finding: Finding) -> FindingDocument:
    """Return a finding as a document."""
    return FindingDocument(
        kind=finding.kind,
        is_damage=finding.is_damage,
        detail=finding.detail,
        key=finding.key,
        pack=finding.pack,
        session=finding.session,
        affected=affected_document(finding.affected),
        untold=affected_document(finding.untold),
        advice=finding.advice,
    )


def affected_document(affected: Affected) -> tuple[SessionVersions, ...]:
    """Return versions by session as a document."""
    return tuple(
        SessionVersions(session=session, seqs=affected[session])
        for session in sorted(affected)
    )


def _checked(outcome: Outcome) -> Checked:
    damage = len(outcome.damage)
    return Checked(
        session=outcome.session,
        read=outcome.read,
        is_well=not damage,
        sessions=outcome.sessions,
        versions=outcome.versions,
        packs=outcome.packs,
        objects=outcome.objects,
        read_packs=outcome.read_packs,
        read_bytes=outcome.read_bytes,
        damage=damage,
        leftovers=len(outcome.findings) - damage,
        affected=affected_document(outcome.affected),
        took_s=outcome.took_s,
    )
