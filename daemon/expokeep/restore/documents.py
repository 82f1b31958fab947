"""An offer as a JSON document: what a restore has to make. Fields are only added."""

import datetime
from pathlib import Path

import msgspec

from expokeep.catalog.values import HeldElsewhere
from expokeep.errors import IntegrityError
from expokeep.model.documents import (
    EntryDocument,
    HeldDocument,
    VersionDocument,
    entry_document,
    tree_of,
    version_document,
    version_of,
)
from expokeep.model.names import SessionId
from expokeep.restore.source import NOTHING_AFTER, About, AfterRestore, Offer, Reserve


class OfferDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="offer"
):
    """A version in full, and whose it is."""

    version: VersionDocument
    entries: tuple[EntryDocument, ...]
    uid: int
    gid: int
    mode: str
    """Of the root, octal as all modes are."""
    home: str | None
    """The session's own directory on the daemon's host."""
    unrecorded: bool = False
    """It waits in the spool of that host, and has no number yet: `seq` is 0."""
    parked_newer: int = 0
    ended_at: datetime.datetime | None = None
    held_elsewhere: tuple[HeldDocument, ...] = ()
    held_by: str | None = None
    """The other host that holds the session, if it is alive."""
    reserve_device: int | None = None
    """The disk of that host on which `reserve_bytes` have to be left free."""
    reserve_bytes: int = 0
    after_restore: tuple[str, ...] = ()
    """What the site runs in a directory that was restored: one line for a shell, or a
    program and its arguments."""
    after_restore_timeout_s: float = NOTHING_AFTER.timeout_s


def offer_document(offer: Offer) -> OfferDocument:
    """Return an offer as a document."""
    return OfferDocument(
        version=version_document(offer.version),
        entries=tuple(
            entry_document(path, offer.tree[path]) for path in sorted(offer.tree)
        ),
        uid=offer.uid,
        gid=offer.gid,
        mode=f"{offer.mode:04o}",
        home=str(offer.home) if offer.home else None,
        unrecorded=offer.about.unrecorded,
        parked_newer=offer.about.parked_newer,
        ended_at=offer.about.ended_at,
        held_elsewhere=tuple(map(held_document, offer.about.held_elsewhere)),
        held_by=offer.held_by,
        reserve_device=offer.reserve.device if offer.reserve else None,
        reserve_bytes=offer.reserve.size_bytes if offer.reserve else 0,
        after_restore=offer.after.command,
        after_restore_timeout_s=offer.after.timeout_s,
    )


def held_document(held: HeldElsewhere) -> HeldDocument:
    """Return what another host holds as a document."""
    return HeldDocument(
        host=held.host,
        snapshots=held.entries,
        since=held.since.astimezone(datetime.UTC),
        is_alive=held.is_alive,
    )


def offer_of(raw: bytes) -> Offer:
    """Return the offer that a document tells of.

    Raises:
        IntegrityError: it is none, or a path or a digest in it is malformed.
    """
    try:
        document = msgspec.json.decode(raw, type=OfferDocument)
        version = version_of(document.version)
        return Offer(
            version=version,
            tree=tree_of(document.entries),
            uid=document.uid,
            gid=document.gid,
            mode=int(document.mode, 8),
            home=Path(document.home) if document.home else None,
            held_by=document.held_by,
            about=_about(document, version.session),
            reserve=_reserve(document),
            after=AfterRestore(
                document.after_restore, document.after_restore_timeout_s
            ),
        )
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise IntegrityError(f"the daemon's answer is damaged: {error}") from error


def _reserve(document: OfferDocument) -> Reserve | None:
    if document.reserve_device is None:
        return None
    return Reserve(document.reserve_device, document.reserve_bytes)


def _about(document: OfferDocument, session: SessionId) -> About:
    return About(
        unrecorded=document.unrecorded,
        parked_newer=document.parked_newer,
        ended_at=document.ended_at,
        held_elsewhere=tuple(
            HeldElsewhere(
                session, one.host, one.snapshots, one.since, is_alive=one.is_alive
            )
            for one in document.held_elsewhere
        ),
    )
