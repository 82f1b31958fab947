"""A reader written from docs/FORMAT.md alone: it imports nothing of expokeep."""

import hashlib
import json
import re
import struct
import subprocess
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden" / "pack-v1.tar.zst"


def unfold(frame: bytes) -> bytes:
    return subprocess.run(
        ["zstd", "-dc"], input=frame, capture_output=True, check=True
    ).stdout


def name(text: str) -> bytes:
    r"""Return the bytes that `\\` and `\xNN` stand for."""
    return re.sub(
        rb"\\(\\|x[0-9a-f]{2})",
        lambda found: (
            b"\\" if found[1] == b"\\" else bytes.fromhex(found[1][1:].decode())
        ),
        text.encode(),
    )


def record(path: bytes, kind: str, mode: int, size: int, named: str) -> bytes:
    contents = name(named) if kind == "l" else named.encode()
    fields = [kind.encode(), b"%o" % mode, b"%d" % size, contents, path]
    return b"".join(field + b"\0" for field in fields)


def manifest_of(pack: bytes) -> tuple[dict, int]:
    magic, version, flags, length, data_at, _, digest = struct.unpack(
        "<8sHHIQQ32s", pack[-64:]
    )
    member = unfold(pack[:length])
    told = member[512 : 512 + int(member[124:135], 8)]
    assert (magic, version, flags) == (b"expokeep", 1, 0)
    assert hashlib.sha256(told).digest() == digest
    return json.loads(told), data_at


def test_the_page_is_enough_to_prove_every_tree() -> None:
    manifest, _ = manifest_of(GOLDEN.read_bytes())

    tree: dict[bytes, bytes] = {}
    for snap in manifest["snaps"]:
        for path in snap["del"]:
            del tree[name(path)]
        for path, kind, mode, size, _, named in snap["set"]:
            tree[name(path)] = record(name(path), kind, mode, size, named)
        records = b"".join(tree[path] for path in sorted(tree))
        assert hashlib.sha256(records).hexdigest() == snap["tree"]
    assert len(manifest["snaps"]) == 2


def test_the_page_is_enough_to_read_every_blob() -> None:
    pack = GOLDEN.read_bytes()
    manifest, data_at = manifest_of(pack)

    for digest, frame, offset, size in manifest["blobs"]:
        at, length, raw_length = manifest["frames"][frame]
        raw = unfold(pack[data_at + at : data_at + at + length])
        assert len(raw) == raw_length
        assert hashlib.sha256(raw[offset : offset + size]).hexdigest() == digest
    assert len(manifest["blobs"]) == 7
