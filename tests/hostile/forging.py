"""Forges packs: what somebody makes who can write the bucket, and knows the format.

Nothing here goes through our own values, which would refuse most of it: manifests are
plain JSON, frames are whatever bytes a test names, and only what a test does not touch
is as it should be.
"""

import hashlib
import json
import struct
import tarfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from expokeep import clock
from expokeep.model.digest import digest_of
from expokeep.pack import zstd
from expokeep.store.memory import MemoryStore

Change = Callable[[Any], None]
"""Turns a manifest, as plain JSON, into what it should not be."""

END = bytes(1024)
HEX0 = hashlib.sha256(b"").hexdigest()


def frame(raw: bytes, level: int = 3) -> bytes:
    """Return a frame as a pack has it."""
    return zstd.compressed(raw, level)


def bomb(size_bytes: int, claimed: int | None = None) -> bytes:
    """Return a frame of zeros that never was in memory as a whole.

    It says of itself that it holds `claimed` bytes, or that it does not know.
    """
    made = zstd.compressor(size_bytes, 1)
    zeros = bytes(1 << 20)
    parts = [made.compress(zeros) for _ in range(size_bytes >> 20)]
    parts += [made.compress(bytes(size_bytes % (1 << 20))), made.flush()]
    whole = b"".join(parts)
    return whole if claimed is None else lying(whole, claimed)


def lying(whole: bytes, claimed: int) -> bytes:
    """Return a frame whose header tells another size than it holds."""
    descriptor = whole[4]
    assert not descriptor & 0b11, "no dictionary is expected here"
    single = bool(descriptor & 0b100000)
    old = {0: 1 if single else 0, 1: 2, 2: 4, 3: 8}[descriptor >> 6]
    window = b"" if single else whole[5:6]
    rest = whole[5 + len(window) + old :]
    # Eight bytes for the size, and a window that has room for what it really holds.
    window = window or bytes([(22 - 10) << 3])
    return (
        whole[:4]
        + bytes([0b11000000 | descriptor & 0b100])
        + window
        + struct.pack("<Q", claimed)
        + rest
    )


def tar_member(name: bytes, contents: bytes, **about: object) -> bytes:
    """Return one tar member; `about` are the fields of `tarfile.TarInfo`."""
    info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
    info.size = len(contents)
    for word, value in about.items():
        setattr(info, word, value)
    raw = info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    return raw + contents + bytes(-len(contents) % 512)


def text(name: bytes) -> str:
    """Return a name as a manifest has it, whatever it is."""
    return name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def file_row(path: bytes, contents: bytes, mode: int = 0o644) -> list[Any]:
    """Return the row of a file in `set`."""
    hexed = hashlib.sha256(contents).hexdigest()
    return [text(path), "f", mode, len(contents), 0, hexed]


def directory_row(path: bytes, mode: int = 0o755) -> list[Any]:
    """Return the row of a directory in `set`."""
    return [text(path), "d", mode, 0, 0, ""]


def link_row(path: bytes, target: bytes) -> list[Any]:
    """Return the row of a link in `set`."""
    return [text(path), "l", 0o777, len(target), 0, text(target)]


def proof(rows: Sequence[Sequence[Any]]) -> str:
    """Return the digest of the tree that rows make, as docs/FORMAT.md says.

    As good as it can be where a row makes no sense: whoever is hostile tries as well.
    """
    hasher = hashlib.sha256()
    for row in sorted(rows, key=_path_of):
        path, kind, mode, size_bytes, _, name = [*row, None][:6]
        shown = _path_of([name]) if kind == "l" else str(name).encode()
        octal = f"{mode:o}" if isinstance(mode, int) else str(mode)
        fields = [str(kind).encode(), octal.encode(), str(size_bytes).encode()]
        hasher.update(b"\0".join([*fields, shown, _path_of([path])]) + b"\0")
    return hasher.hexdigest()


def _path_of(row: Sequence[Any]) -> bytes:
    raw = row[0].encode("utf-8", "surrogatepass")
    parts = raw.split(b"\\\\")
    return b"\\".join(
        b"".join(
            bytes.fromhex(piece[:2].decode()) + piece[2:] if number else piece
            for number, piece in enumerate(part.split(b"\\x"))
        )
        for part in parts
    )


@dataclass
class Forgery:
    """A pack on its way: a base of one version, until a test changes something."""

    session: str = "shop"
    pack: uuid.UUID = field(default_factory=clock.uuid7)
    seq: int = 1
    contents: Mapping[bytes, bytes] = field(default_factory=lambda: {b"App.js": b"1"})
    rows: list[list[Any]] = field(default_factory=list)
    """Directories, links, and files that this pack does not hold."""
    change: Change = lambda _manifest: None
    frames: Sequence[tuple[bytes, int]] | None = None
    """Compressed bytes and how much they are said to hold; None: as it should be."""
    blobs: Sequence[Sequence[Any]] | None = None
    splice: Callable[[bytes], bytes] = lambda whole: whole
    json_of: Callable[[Any], bytes] = lambda told: json.dumps(
        told, sort_keys=True, separators=(",", ":")
    ).encode()
    proves: bool = True
    """The digest of the tree is that of whatever the rows say in the end."""
    data: bytes | None = None
    """What is in the place of the data; by default the frames."""
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return where it is put."""
        return f"v1/main/{self.session}/{self.seq:010}-0-{self.pack}.tar.zst"

    def told(self) -> tuple[dict[str, Any], bytes]:
        """Return the manifest as plain JSON, and the data."""
        raw, blobs = bytearray(), []
        for path, held in self.contents.items():
            member = tar_member(path, held)
            start = len(raw) + len(member) - len(held) - -len(held) % 512
            blobs.append([hashlib.sha256(held).hexdigest(), 0, start, len(held)])
            raw += member
        frames = self.frames
        if frames is None:
            frames = [(frame(bytes(raw)), len(raw))] if raw else []
        spans, at = [], 0
        for compressed, held_bytes in frames:
            spans.append([at, len(compressed), held_bytes])
            at += len(compressed)
        data = b"".join(compressed for compressed, _ in frames)
        rows = [file_row(path, held) for path, held in self.contents.items()]
        rows = sorted([*rows, *self.rows], key=_path_of)
        moment = f"2026-01-{self.seq:02}T00:00:00Z"
        snap = {
            "seq": self.seq,
            "parent": None,
            "at": moment,
            "full": True,
            "tree": "",
            "files": sum(row[1] == "f" for row in rows),
            "bytes": sum(row[3] for row in rows if row[1] == "f"),
            "set": rows,
            "del": [],
        }
        manifest = {
            "v": 1,
            "pack": str(self.pack),
            "kind": "base",
            "level": 0,
            "scope": "main",
            "session": self.session,
            "epoch": 1,
            "created": moment,
            "snaps": [snap],
            "deps": [],
            "supersedes": [],
            "frames": spans,
            "blobs": list(self.blobs if self.blobs is not None else blobs),
            **self.claims,
        }
        self.change(manifest)
        if self.proves and manifest["snaps"] and not manifest["snaps"][0]["tree"]:
            snap["tree"] = proof(snap["set"])
        return manifest, data if self.data is None else self.data

    def made(self) -> bytes:
        """Return the pack."""
        manifest, data = self.told()
        raw = self.json_of(manifest)
        head = frame(tar_member(b".snap/manifest.json", raw))
        footer = struct.pack(
            "<II8sHHIQQ32s",
            0x184D2A50,
            64,
            b"expokeep",
            1,
            0,
            len(head),
            len(head),
            len(data),
            hashlib.sha256(raw).digest(),
        )
        return self.splice(head + data + frame(END) + footer)


def put(store: MemoryStore, key: str, contents: bytes) -> None:
    """Put an object where it is wanted, whatever was there."""
    store._objects[key] = contents


def named(contents: bytes) -> str:
    """Return the digest of contents, as a manifest has it."""
    return digest_of(contents).hex()
