import contextlib
import datetime
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from expokeep.model.digest import digest_of
from expokeep.model.tree import Delta, Directory, File, Link
from expokeep.pack import manifest as codec
from expokeep.pack.format import (
    BlobSpan,
    FrameSpan,
    Manifest,
    ManifestTooLarge,
    PackDamaged,
    SnapRecord,
)
from expokeep.pack.manifest import decode_manifest, encode_manifest
from packing import AT, MTIME_NS, file_of, manifest_of, snap_of

TREE = {
    b"App.tsx": file_of(b"export", mode=0o755),
    b"caf\xe9 \\ \xff": file_of(b"latin"),
    b"src": Directory(0o700),
    b"src/link": Link(b"../App.tsx", 5),
}


def whole() -> Manifest:
    second = SnapRecord(
        seq=2,
        parent=1,
        at=AT,
        full=False,
        tree=digest_of(b"tree"),
        file_count=1,
        size_bytes=6,
        delta=Delta({b"b": file_of(b"b")}, frozenset({b"src/link", b"src"})),
    )
    return replace(
        manifest_of(snap_of(TREE), second),
        deps=(uuid.UUID(int=7),),
        supersedes=(uuid.UUID(int=8), uuid.UUID(int=9)),
        frames=(FrameSpan(300, 100, 2048), FrameSpan(400, 50, 1024)),
        blobs=(
            BlobSpan(digest_of(b"export"), 0, 512, 6),
            BlobSpan(digest_of(b"latin"), 0, 1536, 5),
            BlobSpan(digest_of(b"b"), 1, 512, 1),
        ),
    )


def test_a_manifest_comes_back_as_it_was() -> None:
    assert decode_manifest(encode_manifest(whole(), 300), 300) == whole()


def test_a_manifest_reads_as_the_format_says() -> None:
    raw = encode_manifest(whole(), 300)

    told = json.loads(raw)
    assert (
        raw
        == json.dumps(
            told, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
    )
    assert told["v"] == 1
    assert told["frames"] == [[0, 100, 2048], [100, 50, 1024]]
    assert told["blobs"][1] == [digest_of(b"latin").hex(), 0, 1536, 5]
    assert told["created"] == "2025-11-24T10:30:15.250000Z"
    assert told["snaps"][1]["del"] == ["src", "src/link"]
    assert told["snaps"][0]["set"] == [
        ["App.tsx", "f", 0o755, 6, MTIME_NS, digest_of(b"export").hex()],
        [r"caf\xe9 \\ \xff", "f", 0o644, 5, MTIME_NS, digest_of(b"latin").hex()],
        ["src", "d", 0o700, 0, 0, ""],
        ["src/link", "l", 0o777, 10, 5, "../App.tsx"],
    ]


def put(*place: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what sets one value of a manifest that was decoded as plain JSON."""

    def change(told: Any) -> None:
        for part in place[:-1]:
            told = told[part]
        told[place[-1]] = value

    return change


HEX = digest_of(b"export").hex()

ODD = {
    "newer": put("v", value=2),
    "unknown key": put("extra", value=1),
    "unknown key, deep": put("extra", value=json.loads("[" * 900 + "]" * 900)),
    "kind": put("kind", value="huge"),
    "level": put("level", value=10),
    "scope": put("scope", value="../x"),
    "session": put("session", value="a/b"),
    "epoch": put("epoch", value=-1),
    "no zone": put("created", value="2026-11-24T10:30:15"),
    "not UTC": put("created", value="2026-11-24T10:30:15+01:00"),
    "pack": put("pack", value="17"),
    "seq": put("snaps", 0, "seq", value=0),
    "seq order": put("snaps", 0, "seq", value=2),
    "parent": put("snaps", 1, "parent", value=-1),
    "files": put("snaps", 0, "files", value=-1),
    "bytes": put("snaps", 0, "bytes", value=2**63),
    "tree": put("snaps", 0, "tree", value=HEX.upper()),
    "full and gone": put("snaps", 0, "del", value=["x"]),
    "set and gone": put("snaps", 1, "del", value=["b"]),
    "gone unsafe": put("snaps", 1, "del", value=["/etc"]),
    "gone twice": put("snaps", 1, "del", value=["x", "x"]),
    "set unsorted": put("snaps", 0, "set", 0, 0, value="z"),
    "set twice": put("snaps", 0, "set", 2, 0, value=r"caf\xe9 \\ \xff"),
    "path up": put("snaps", 0, "set", 0, 0, value="A/../../etc"),
    "path absolute": put("snaps", 0, "set", 0, 0, value="/etc/passwd"),
    "path with NUL": put("snaps", 0, "set", 0, 0, value="A\0"),
    "path escaped for nothing": put("snaps", 0, "set", 0, 0, value=r"A\x41"),
    "type": put("snaps", 0, "set", 0, 1, value="c"),
    "set-user-id": put("snaps", 0, "set", 0, 2, value=0o4755),
    "mode": put("snaps", 0, "set", 2, 2, value=-1),
    "mode as text": put("snaps", 0, "set", 0, 2, value="755"),
    "size": put("snaps", 0, "set", 0, 3, value=-6),
    "huge": put("snaps", 0, "set", 0, 3, value=2**63),
    "mtime": put("snaps", 0, "set", 0, 4, value=2**63),
    "digest": put("snaps", 0, "set", 0, 5, value=HEX[:-1]),
    "directory with contents": put("snaps", 0, "set", 2, 5, value=HEX),
    "directory with size": put("snaps", 0, "set", 2, 3, value=1),
    "target": put("snaps", 0, "set", 3, 5, value=""),
    "target with NUL": put("snaps", 0, "set", 3, 5, value="../App.ts\0"),
    "target of another size": put("snaps", 0, "set", 3, 5, value="../App"),
    "link mode": put("snaps", 0, "set", 3, 2, value=0o644),
    "short entry": put("snaps", 0, "set", 0, value=["a", "f"]),
    "deps": put("deps", value=[1]),
    "first frame": put("frames", 0, value=[1, 99, 2048]),
    "frame gap": put("frames", 1, 0, value=101),
    "frame overlap": put("frames", 1, 0, value=99),
    "empty frame": put("frames", 1, 1, value=0),
    "frame of no blocks": put("frames", 0, 2, value=2049),
    "frame of nothing": put("frames", 1, 2, value=0),
    "blob twice": put("blobs", 1, 0, value=HEX),
    "blob in no frame": put("blobs", 2, 1, value=2),
    "blob before": put("blobs", 0, 1, value=1),
    "blob in frame -1": put("blobs", 0, 1, value=-1),
    "blob in a header": put("blobs", 0, 2, value=0),
    "blob off its block": put("blobs", 0, 2, value=513),
    "blob over the next": put("blobs", 1, 2, value=512),
    "blob beyond": put("blobs", 2, 3, value=513),
    "blob of negative size": put("blobs", 2, 3, value=-1),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD.keys())
def test_anything_odd_is_damage(change: Callable[[dict[str, Any]], None]) -> None:
    told = json.loads(encode_manifest(whole(), 300))
    change(told)

    with pytest.raises(PackDamaged):
        decode_manifest(json.dumps(told).encode(), 300)


@pytest.mark.parametrize("raw", [b"", b"{}", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_manifest_is_damage(raw: bytes) -> None:
    with pytest.raises(PackDamaged):
        decode_manifest(raw)


def test_a_missing_key_is_damage() -> None:
    for key in json.loads(encode_manifest(whole(), 300)):
        told = json.loads(encode_manifest(whole(), 300))
        del told[key]

        with pytest.raises(PackDamaged):
            decode_manifest(json.dumps(told).encode(), 300)


def test_what_no_reader_would_take_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codec, "MAX_MANIFEST_BYTES", 1024)

    with pytest.raises(ManifestTooLarge):
        encode_manifest(whole(), 300)


@pytest.mark.parametrize("most", range(1, 5))
def test_whatever_is_written_is_read_again(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "MAX_ENTRIES", most)

    with contextlib.suppress(ManifestTooLarge):
        written = encode_manifest(whole(), 300)
        assert decode_manifest(written, 300) == whole()


def test_a_rename_of_as_much_as_there_may_be_is_written_and_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codec, "MAX_ENTRIES", 3)
    before = frozenset({b"old/1", b"old/2", b"old"})
    after = {b"new": Directory(0o700), b"new/1": Link(b"x", 5), b"new/2": Link(b"x", 5)}
    renamed = replace(
        manifest_of(snap_of(TREE)),
        snaps=(replace(whole().snaps[1], delta=Delta(after, before)),),
    )

    assert decode_manifest(encode_manifest(renamed)) == renamed


def test_times_without_utc_are_not_written() -> None:
    elsewhere = datetime.timezone(datetime.timedelta(hours=1))

    for moment in (AT.replace(tzinfo=None), AT.replace(tzinfo=elsewhere)):
        with pytest.raises(ValueError, match="UTC"):
            replace(whole(), created=moment)


def test_a_file_of_no_digest_is_not_a_blob() -> None:
    with pytest.raises(ValueError, match="blob"):
        BlobSpan(File(digest_of(b""), 0).digest[:5], 0, 512, 0)
