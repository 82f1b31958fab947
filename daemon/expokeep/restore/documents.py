"""An offer as a JSON document: what a restore has to make. Fields are only added."""

from pathlib import Path

import msgspec

from expokeep.errors import IntegrityError
from expokeep.model.documents import (
    EntryDocument,
    VersionDocument,
    entry_document,
    tree_of,
    version_document,
    version_of,
)
from expokeep.restore.source import Offer


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
    held_by: str | None = None
    """The other host that holds the session, if it is alive."""


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
        held_by=offer.held_by,
    )


def offer_of(raw: bytes) -> Offer:
    """Return the offer that a document tells of.

    Raises:
        IntegrityError: it is none, or a path or a digest in it is malformed.
    """
    try:
        document = msgspec.json.decode(raw, type=OfferDocument)
        return Offer(
            version=version_of(document.version),
            tree=tree_of(document.entries),
            uid=document.uid,
            gid=document.gid,
            mode=int(document.mode, 8),
            home=Path(document.home) if document.home else None,
            held_by=document.held_by,
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise IntegrityError(f"the daemon's answer is damaged: {error}") from error
