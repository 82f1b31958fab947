"""Packs for tests: made by the real writer, of whatever files a test names."""

import datetime
import uuid
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import (
    Delta,
    Entry,
    File,
    file_count,
    size_bytes,
    tree_digest,
)
from expokeep.pack.format import Manifest, SnapRecord
from expokeep.pack.writer import FinishedPack, PackWriter

PACK = uuid.UUID("01900000-0000-7000-8000-000000000001")
AT = datetime.datetime(2025, 11, 24, 10, 30, 15, 250_000, tzinfo=datetime.UTC)
MTIME_NS = 1_700_000_000_123_456_789


def file_of(contents: bytes, mode: int = 0o644, mtime_ns: int = MTIME_NS) -> File:
    return File(digest_of(contents), len(contents), mode, mtime_ns)


def snap_of(tree: Mapping[bytes, Entry], seq: int = 1) -> SnapRecord:
    """Return the first version of a chain: the whole tree."""
    return SnapRecord(
        seq=seq,
        parent=None,
        at=AT,
        full=True,
        tree=tree_digest(tree),
        file_count=file_count(tree),
        size_bytes=size_bytes(tree),
        delta=Delta(tree, frozenset()),
    )


def manifest_of(*snaps: SnapRecord, pack: uuid.UUID = PACK) -> Manifest:
    return Manifest(
        pack=pack,
        kind="base",
        level=0,
        scope="main",
        session=SessionId("shop-42"),
        epoch=1,
        created=AT,
        snaps=snaps,
    )


def pack_of(
    directory: Path,
    contents: Mapping[bytes, bytes],
    others: Mapping[bytes, Entry] | None = None,
    *,
    zstd_level: int = 3,
    executor: Executor | None = None,
) -> FinishedPack:
    """Write a pack of these files; `others` stand in its manifest only."""
    files = {path: file_of(held) for path, held in contents.items()}
    with PackWriter(directory, zstd_level, executor=executor) as writer:
        for path, held in contents.items():
            writer.add(path, files[path], held)
        manifest = manifest_of(snap_of({**files, **(others or {})}))
        return writer.finish(manifest, fsync=False)
