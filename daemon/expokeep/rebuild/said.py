"""What facts say, as the catalog is to have it. Pure."""

import uuid
from dataclasses import replace

from expokeep.catalog.revival import Revision, Revived, SessionState, Standing
from expokeep.catalog.values import RootOwner
from expokeep.model.names import SessionId
from expokeep.model.version import Origin
from expokeep.pack.facts import VersionBody
from expokeep.rebuild.proving import Proved
from expokeep.rebuild.telling import Told
from expokeep.rebuild.words import VersionWord, Words


def teller_of(told: Told, word: VersionWord | None, proved: Proved) -> uuid.UUID | None:
    """Return whose manifest tells a version from now on; None for its own pack."""
    tellers = {telling.teller for telling in told.tellings}
    said = word.body.told_by if word else None
    if said in tellers:
        return said
    return None if told.pack in tellers else proved.teller


def as_said(revived: Revived, word: VersionWord) -> Revived:
    """Return a version as the fact about it has it."""
    body = word.body
    parked = revived.parked or body.parked
    said = (body.seq, body.epoch, body.parked, body.told_by)
    return replace(
        revived,
        taken_at=body.taken_at,
        recorded_at=body.recorded_at,
        trigger=body.trigger,
        message=body.message,
        author=body.author,
        parked=parked,
        pinned=body.pinned,
        pinned_at=body.pinned_at,
        origin=origin_of(body),
        is_word=said == (revived.seq, revived.epoch, parked, revived.told_by),
    )


def origin_of(body: VersionBody) -> Origin | None:
    """Return where what a version has came from, if not from a directory."""
    if body.origin_session is None or body.origin_seq is None:
        return None
    return Origin(SessionId(body.origin_session), body.origin_seq)


def state_of(words: Words) -> SessionState | None:
    """Return what facts say of the session itself."""
    body = words.session
    if body is None:
        return None
    deleted_at = body.deleted_at
    if words.is_gone and deleted_at is None:
        # It was purged. What is left of it in the bucket goes the usual way.
        deleted_at = body.accessed_at
    return SessionState(
        owner=body.owner,
        project_name=body.project_name,
        root=RootOwner(body.root_uid, body.root_gid, body.root_mode),
        fence=body.fence,
        host=body.host,
        created_at=body.created_at,
        deleted_at=deleted_at,
        expired=body.expired,
    )


def revisions_of(words: Words, standing: Standing) -> tuple[Revision, ...]:
    """Return what facts say of versions that the catalog has."""
    known = {one.pack for one in standing.versions}
    return tuple(
        Revision(
            pack,
            word.body.parked,
            word.body.pinned,
            word.body.pinned_at,
            word.body.message,
        )
        for pack, word in words.versions.items()
        if pack in known and not word.gone
    )
