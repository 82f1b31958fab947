"""Receipts of drills, also as JSON documents, whose fields are only ever added."""

import datetime
from dataclasses import dataclass

import msgspec

from expokeep.model.digest import Digest
from expokeep.model.documents import VersionDocument, version_document
from expokeep.model.version import Version


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a drill."""

    version: Version
    host: str
    at: datetime.datetime
    is_well: bool = True
    error: str | None = None
    file_count: int = 0
    size_bytes: int = 0
    fetched_bytes: int = 0
    tree: Digest | None = None
    """Of what was on disk in the end."""
    took_s: float = 0.0


class ReceiptDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="receipt"
):
    """What came of a drill."""

    version: VersionDocument
    is_well: bool
    error: str | None
    """Why it is not well."""
    file_count: int
    size_bytes: int
    fetched_bytes: int
    """Contents that came from the bucket; equal ones come once."""
    tree: str | None
    """The digest of what was on disk in the end: the version's own, if it is well."""
    took_s: float
    host: str
    at: datetime.datetime


class DrillProgress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="message_type", tag="progress"
):
    """How far a drill is."""

    done_bytes: int
    total_bytes: int
    phase: str


def receipt_document(receipt: Receipt) -> ReceiptDocument:
    """Return a receipt as a document."""
    return ReceiptDocument(
        version=version_document(receipt.version),
        is_well=receipt.is_well,
        error=receipt.error,
        file_count=receipt.file_count,
        size_bytes=receipt.size_bytes,
        fetched_bytes=receipt.fetched_bytes,
        tree=receipt.tree.hex() if receipt.tree else None,
        took_s=receipt.took_s,
        host=receipt.host,
        at=receipt.at.astimezone(datetime.UTC),
    )
