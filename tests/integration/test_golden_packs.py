"""Packs that were written once, and that every version from then on must read.

Files in tests/golden/ are added to, never edited or made again.
"""

import datetime
import uuid
from pathlib import Path

import pytest

from expokeep.model.digest import Digest, digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import Delta, Directory, Entry, File, Link, patch, tree_digest
from expokeep.pack.format import Manifest, SnapRecord
from expokeep.pack.reader import PackFile

GOLDEN = Path(__file__).parents[1] / "golden"

NOISE = bytes(n * n // 7 % 251 for n in range(140_000))
CONTENTS = {
    b"App.tsx": b"export default function App() { return null; }\n",
    b"assets/noise.bin": NOISE,
    b"caf\xe9 \\ \xff.ts": b"// a name that is not UTF-8\n",
    b"caf\xc3\xa9.ts": b"// a name that is\n",
    b"empty": b"",
    b"icon.png": b"\x89PNG\r\n",
    b"run.sh": b"#!/bin/sh\n",
}


def file(path: bytes, mode: int = 0o644, mtime_ns: int = 1_700_000_000_123_456_789):
    return File(digest_of(CONTENTS[path]), len(CONTENTS[path]), mode, mtime_ns)


FIRST: dict[bytes, Entry] = {
    b"App.tsx": file(b"App.tsx"),
    b"assets": Directory(0o755, 1_700_000_001_000_000_000),
    b"assets/noise.bin": file(b"assets/noise.bin"),
    b"caf\xc3\xa9.ts": file(b"caf\xc3\xa9.ts", mtime_ns=-1),
    b"caf\xe9 \\ \xff.ts": file(b"caf\xe9 \\ \xff.ts"),
    b"empty": file(b"empty", 0o600),
    b"hollow": Directory(0o700, 0),
    b"link": Link(b"assets/\xff", 5),
    b"run.sh": file(b"run.sh", 0o755),
}
CHANGE = Delta({b"icon.png": file(b"icon.png")}, frozenset({b"hollow", b"link"}))


def snap(seq: int, delta: Delta, files: int, size_bytes: int, tree: str) -> SnapRecord:
    return SnapRecord(
        seq=seq,
        parent=seq - 1 or None,
        at=datetime.datetime(2025, 11, 24, 10, 30, seq, 250_000, tzinfo=datetime.UTC),
        full=seq == 1,
        tree=Digest(bytes.fromhex(tree)),
        file_count=files,
        size_bytes=size_bytes,
        delta=delta,
    )


SNAPS = (
    snap(
        1,
        Delta(FIRST, frozenset()),
        6,
        140_103,
        "bde8e67db6b0d0ff25873af71cac3796a2f7eefce3f21bf50a450036675ba2f5",
    ),
    snap(
        2,
        CHANGE,
        7,
        140_109,
        "01ade8d79bd74902d9ce92b6be75458ecabc07fc77f847c5d6055d9168fb4c21",
    ),
)


@pytest.fixture
def golden_v1():
    with PackFile(GOLDEN / "pack-v1.tar.zst") as read:
        yield read


def test_the_manifest_of_a_pack_of_version_1_is_read(golden_v1: PackFile) -> None:
    told = golden_v1.manifest

    assert told == Manifest(
        pack=uuid.UUID("019ab4f0-0000-7000-8000-000000000001"),
        kind="merge",
        level=1,
        scope="main",
        session=SessionId("shop-42"),
        epoch=3,
        created=datetime.datetime(2025, 11, 24, 11, tzinfo=datetime.UTC),
        snaps=SNAPS,
        deps=(uuid.UUID("019ab4f0-0000-7000-8000-000000000002"),),
        supersedes=(uuid.UUID("019ab4f0-0000-7000-8000-000000000003"),),
        frames=told.frames,
        blobs=told.blobs,
    )
    assert {
        path: entry.mtime_ns for path, entry in told.snaps[0].delta.set.items()
    } == {path: entry.mtime_ns for path, entry in FIRST.items()}


def test_the_contents_of_a_pack_of_version_1_are_read(golden_v1: PackFile) -> None:
    for contents in CONTENTS.values():
        assert golden_v1.blob(digest_of(contents)) == contents
        assert b"".join(golden_v1.stream(digest_of(contents))) == contents


def test_the_trees_of_a_pack_of_version_1_are_proved(golden_v1: PackFile) -> None:
    first, second = golden_v1.manifest.snaps

    tree = patch({}, first.delta)
    assert tree_digest(tree) == first.tree
    assert tree_digest(patch(tree, second.delta)) == second.tree
