"""Versions and entries as JSON documents: the words that all answers share.

Fields are only ever added. Paths and link targets are escaped by `names.to_text`,
digests are 64 hex digits, modes are octal, times are UTC.
"""

import datetime
import uuid
from collections.abc import Iterable
from typing import Literal

import msgspec

from expokeep.model.digest import parse_digest
from expokeep.model.names import from_text, parse_session_id, to_text
from expokeep.model.tree import Directory, Entry, File, Link
from expokeep.model.version import Trigger, Version

EntryType = Literal["file", "link", "directory"]


class VersionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    session: str
    seq: int
    epoch: int
    parent: int | None
    taken_at: datetime.datetime
    trigger: Trigger
    tree: str
    file_count: int
    size_bytes: int
    message: str | None
    author: str | None
    parked: str | None
    pack: uuid.UUID


class EntryDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One path of a tree. What its type does not have is left out."""

    path: str
    type: EntryType
    mtime_ns: int
    mode: str | None = None
    size_bytes: int | None = None
    digest: str | None = None
    target: str | None = None


class HeldDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Snapshots of a session that another host holds and could not record yet."""

    host: str
    snapshots: int
    since: datetime.datetime
    is_alive: bool
    """Whether that host has been heard of lately."""


class WaitingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that waits on this host, and is no version yet."""

    pack: uuid.UUID
    """`SID@pack:UUID` is how to restore it."""
    taken_at: datetime.datetime
    trigger: Trigger
    becomes_head: bool
    """It is what `SID` means to a restore on this host."""
    parked: str | None
    """Why it will not become head, in words."""


class EndDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A directory that was removed."""

    seq: int
    """Of the last version of it that is not parked."""
    at: datetime.datetime


def version_document(version: Version) -> VersionDocument:
    """Return a version as a document."""
    return VersionDocument(
        session=version.session,
        seq=version.seq,
        epoch=version.epoch,
        parent=version.parent,
        taken_at=version.taken_at.astimezone(datetime.UTC),
        trigger=version.trigger,
        tree=version.tree.hex(),
        file_count=version.file_count,
        size_bytes=version.size_bytes,
        message=version.message,
        author=version.author,
        parked=version.parked,
        pack=version.pack,
    )


def version_of(document: VersionDocument) -> Version:
    """Return the version that a document tells of.

    Raises:
        ValueError: it is not a version's.
    """
    return Version(
        session=parse_session_id(document.session),
        seq=document.seq,
        epoch=document.epoch,
        parent=document.parent,
        taken_at=document.taken_at,
        trigger=document.trigger,
        tree=parse_digest(document.tree),
        file_count=document.file_count,
        size_bytes=document.size_bytes,
        message=document.message,
        author=document.author,
        parked=document.parked,
        pack=document.pack,
    )


def entry_document(path: bytes, entry: Entry) -> EntryDocument:
    """Return what is at a path as a document."""
    name, mtime_ns = to_text(path), entry.mtime_ns
    match entry:
        case File():
            return EntryDocument(
                path=name,
                type="file",
                mtime_ns=mtime_ns,
                mode=f"{entry.mode:04o}",
                size_bytes=entry.size_bytes,
                digest=entry.digest.hex(),
            )
        case Link():
            target = to_text(entry.target)
            return EntryDocument(
                path=name, type="link", mtime_ns=mtime_ns, target=target
            )
        case Directory():
            mode = f"{entry.mode:04o}"
            return EntryDocument(
                path=name, type="directory", mtime_ns=mtime_ns, mode=mode
            )


def entry_of(document: EntryDocument) -> tuple[bytes, Entry]:
    """Return the path and the entry that a document tells of.

    Raises:
        ValueError: something is missing, or is not what we write.
    """
    path, mtime_ns = from_text(document.path), document.mtime_ns
    match document:
        case EntryDocument(type="file", mode=str(mode), size_bytes=int(size_bytes)):
            digest = parse_digest(document.digest or "")
            return path, File(digest, size_bytes, int(mode, 8), mtime_ns)
        case EntryDocument(type="link", target=str(target)):
            return path, Link(from_text(target), mtime_ns)
        case EntryDocument(type="directory", mode=str(mode)):
            return path, Directory(int(mode, 8), mtime_ns)
    raise ValueError(f"{document.path!r} is told of incompletely")


def tree_of(documents: Iterable[EntryDocument]) -> dict[bytes, Entry]:
    """Return the tree that documents tell of.

    Raises:
        ValueError: an entry is wrong, or a path is there twice.
    """
    tree: dict[bytes, Entry] = {}
    for document in documents:
        path, entry = entry_of(document)
        if path in tree:
            raise ValueError(f"{document.path!r} is there twice")
        tree[path] = entry
    return tree


class ExpiringDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A build that goes soon, if nobody comes for it."""

    session: str
    owner: str | None
    expires_at: datetime.datetime
