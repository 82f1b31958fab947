"""The manifest as JSON: compact, its keys sorted, its names escaped, nothing unknown.

Offsets of frames count from the first data frame here and from the start of the pack
everywhere else, because the length of the manifest is only known once it is written.
"""

import datetime
import uuid
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from expokeep.model.digest import parse_digest
from expokeep.model.names import (
    for_terminal,
    from_text,
    parse_session_id,
    to_text,
)
from expokeep.model.tree import Delta, Directory, Entry, File, Link
from expokeep.pack.format import (
    MAX_ENTRIES,
    MAX_MANIFEST_BYTES,
    MAX_VALUES,
    VERSION,
    BlobSpan,
    FrameSpan,
    Kind,
    Manifest,
    ManifestTooLarge,
    PackDamaged,
    SnapRecord,
)

MANIFEST_PATH = b".snap/manifest.json"

_LINK_MODE = 0o777

_Entry = tuple[str, Literal["f", "l", "d"], int, int, int, str]
"""path, type, mode, size, mtime_ns, SHA-256 in hex or target or nothing."""
_Utc = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class _Snap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seq: int
    parent: int | None
    at: _Utc
    full: bool
    tree: str
    files: int
    size_bytes: int = msgspec.field(name="bytes")
    entries: list[_Entry] = msgspec.field(name="set")
    gone: list[str] = msgspec.field(name="del")


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    pack: uuid.UUID
    kind: Kind
    level: int
    scope: str
    session: str
    epoch: int
    created: _Utc
    snaps: list[_Snap]
    deps: list[uuid.UUID]
    supersedes: list[uuid.UUID]
    frames: list[tuple[int, int, int]]
    blobs: list[tuple[str, int, int, int]]


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(_Manifest)


def encode_manifest(manifest: Manifest, data_offset: int = 0) -> bytes:
    """Return a manifest as JSON; the data of its pack starts at `data_offset`.

    Raises:
        ManifestTooLarge: no reader would take it.
    """
    raw = _ENCODER.encode(
        _Manifest(
            v=VERSION,
            pack=manifest.pack,
            kind=manifest.kind,
            level=manifest.level,
            scope=manifest.scope,
            session=manifest.session,
            epoch=manifest.epoch,
            created=manifest.created,
            snaps=[_flat_snap(snap) for snap in manifest.snaps],
            deps=list(manifest.deps),
            supersedes=list(manifest.supersedes),
            frames=[
                (frame.offset - data_offset, frame.length, frame.raw_length)
                for frame in manifest.frames
            ],
            blobs=[
                (blob.digest.hex(), blob.frame, blob.offset, blob.size_bytes)
                for blob in manifest.blobs
            ],
        )
    )
    if len(raw) > MAX_MANIFEST_BYTES - 1024 or raw.count(b",") > MAX_VALUES:
        raise ManifestTooLarge(f"a manifest of {len(raw)} bytes")
    if _longest(manifest) > MAX_ENTRIES:
        raise ManifestTooLarge(f"a manifest with a list of {_longest(manifest)}")
    return raw


def _longest(manifest: Manifest) -> int:
    """Return how many there are of what there is most of."""
    return max(
        sum(len(snap.delta.set) for snap in manifest.snaps),
        sum(len(snap.delta.gone) for snap in manifest.snaps),
        *(len(manifest.snaps), len(manifest.frames), len(manifest.blobs)),
    )


def decode_manifest(raw: bytes | memoryview, data_offset: int = 0) -> Manifest:
    """Return what `encode_manifest` made this of, checked from end to end.

    Every value is one that a pack can have: paths stay below their root, each is there
    once, frames have no gaps, blobs lie within their frames. Whether a tree is whole
    and has its digest is for whoever puts the deltas together.

    Raises:
        PackDamaged: anything is odd.
    """
    try:
        if bytes(raw).count(b",") > MAX_VALUES:
            raise PackDamaged("a manifest of more values than any has")
        flat = _DECODER.decode(raw)
        _check_lengths(flat)
        if flat.v != VERSION:
            raise PackDamaged(f"a manifest of version {flat.v}: not known")
        if flat.frames and flat.frames[0][0]:
            raise PackDamaged("the first frame is not where the data starts")
        return _manifest(flat, data_offset)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # The error may quote what is there: whoever wrote it means our terminal.
        said = for_terminal(str(error).encode())
        raise PackDamaged(f"a damaged manifest: {said}") from error


def _check_lengths(flat: _Manifest) -> None:
    # Each by itself: a rename of a directory tells all that is in it in both.
    told = sum(len(snap.entries) for snap in flat.snaps)
    gone = sum(len(snap.gone) for snap in flat.snaps)
    lists = (told, gone, len(flat.snaps), len(flat.frames), len(flat.blobs))
    if max(lists) > MAX_ENTRIES:
        raise PackDamaged("a manifest of more entries than any has")


def _manifest(flat: _Manifest, data_offset: int) -> Manifest:
    return Manifest(
        pack=flat.pack,
        kind=flat.kind,
        level=flat.level,
        scope=flat.scope,
        session=parse_session_id(flat.session),
        epoch=flat.epoch,
        created=flat.created,
        snaps=tuple(_snap(snap) for snap in flat.snaps),
        deps=tuple(flat.deps),
        supersedes=tuple(flat.supersedes),
        frames=tuple(
            FrameSpan(data_offset + offset, length, raw_length)
            for offset, length, raw_length in flat.frames
        ),
        blobs=tuple(
            BlobSpan(parse_digest(digest), frame, offset, size_bytes)
            for digest, frame, offset, size_bytes in flat.blobs
        ),
    )


def _flat_snap(snap: SnapRecord) -> _Snap:
    return _Snap(
        seq=snap.seq,
        parent=snap.parent,
        at=snap.at,
        full=snap.full,
        tree=snap.tree.hex(),
        files=snap.file_count,
        size_bytes=snap.size_bytes,
        entries=[
            _flat_entry(path, snap.delta.set[path]) for path in sorted(snap.delta.set)
        ],
        gone=[to_text(path) for path in sorted(snap.delta.gone)],
    )


def _snap(flat: _Snap) -> SnapRecord:
    paths = [from_text(entry[0]) for entry in flat.entries]
    gone = [from_text(path) for path in flat.gone]
    _check_ascending(paths)
    _check_ascending(gone)
    entries = map(_entry, flat.entries)
    return SnapRecord(
        seq=flat.seq,
        parent=flat.parent,
        at=flat.at,
        full=flat.full,
        tree=parse_digest(flat.tree),
        file_count=flat.files,
        size_bytes=flat.size_bytes,
        delta=Delta(dict(zip(paths, entries, strict=True)), frozenset(gone)),
    )


def _check_ascending(paths: Iterable[bytes]) -> None:
    before = b""
    for path in paths:
        if path <= before:
            raise ValueError(f"{path!r} is out of order or there twice")
        before = path


def _flat_entry(path: bytes, entry: Entry) -> _Entry:
    name, mtime_ns = to_text(path), entry.mtime_ns
    match entry:
        case File(digest, size_bytes, mode):
            return (name, "f", mode, size_bytes, mtime_ns, digest.hex())
        case Link(target):
            return (name, "l", _LINK_MODE, len(target), mtime_ns, to_text(target))
        case Directory(mode):
            return (name, "d", mode, 0, mtime_ns, "")


def _entry(flat: _Entry) -> Entry:
    _, kind, mode, size_bytes, mtime_ns, name = flat
    if kind == "f":
        return File(parse_digest(name), size_bytes, mode, mtime_ns)
    if kind == "l":
        target = from_text(name)
        if mode != _LINK_MODE or size_bytes != len(target):
            raise ValueError(f"a link to {name!r} of mode {mode:o}, size {size_bytes}")
        return Link(target, mtime_ns)
    if size_bytes or name:
        raise ValueError(f"a directory with contents {name!r}")
    return Directory(mode, mtime_ns)
