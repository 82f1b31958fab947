"""What a rebuild tells, as JSON: fields are only ever added."""

import datetime
import uuid

import msgspec

from expokeep.rebuild.values import Phase, Report

SHOWN = 1000
"""So many doubts and damaged objects are listed; all are counted."""


class RebuildProgress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="progress"
):
    """How far a rebuild is: packs that were read, then sessions that are back."""

    phase: Phase
    done: int
    total: int


class Unsure(msgspec.Struct, frozen=True, kw_only=True):
    """A version that is not back as it was."""

    session: str
    pack: uuid.UUID
    seq: int | None
    """None: it is not back at all."""
    reason: str


class DamagedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that cannot be read."""

    key: str
    reason: str


class RebuildDone(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="rebuilt"
):
    """What came of a rebuild."""

    dry_run: bool
    packs: int
    facts: int
    facts_at: datetime.datetime | None
    """When the newest fact was noted. What changed later is not known."""
    sessions: int
    versions: int
    adopted: int
    """Versions that no fact speaks of: numbered last, head by the rule."""
    parked: int
    lost: int
    """Versions that facts speak of and that are not back."""
    damaged: tuple[DamagedObject, ...]
    unsure: tuple[Unsure, ...]
    ownerless: tuple[str, ...]
    """Sessions of which nobody knows whose they are."""
    shares_rebuilt: bool = False


def done(report: Report, *, dry_run: bool) -> RebuildDone:
    """Return a report as a document."""
    unsure = tuple(
        Unsure(session=session, pack=doubt.pack, seq=doubt.seq, reason=doubt.reason)
        for session, doubt in report.doubts
    )
    return RebuildDone(
        dry_run=dry_run,
        packs=report.packs,
        facts=report.facts,
        facts_at=report.facts_at if report.facts else None,
        sessions=report.sessions,
        versions=report.versions,
        adopted=report.adopted,
        parked=report.parked,
        lost=sum(doubt.is_lost for _, doubt in report.doubts),
        damaged=tuple(
            DamagedObject(key=one.key, reason=one.reason)
            for one in report.damaged[:SHOWN]
        ),
        unsure=unsure[:SHOWN],
        ownerless=tuple(report.ownerless),
    )
