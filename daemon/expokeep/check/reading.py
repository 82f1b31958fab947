"""Reads a pack from end to end, and says what in it is good. In bounded memory.

The pack is believed before the catalog: its manifest proves itself, and every content
is proved by its digest. Where the manifest cannot be read, the catalog says what there
is to prove.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from expokeep.catalog.evidence import PackRow
from expokeep.catalog.values import Place
from expokeep.check.object_reader import WINDOW_BYTES, Gets, ObjectReader
from expokeep.errors import IntegrityError
from expokeep.model.digest import Digest
from expokeep.pack import member, zstd
from expokeep.pack.footer import FOOTER_BYTES, Footer, read_footer
from expokeep.pack.format import (
    MAX_FRAME_BYTES,
    MAX_MANIFEST_BYTES,
    Manifest,
    PackDamaged,
)
from expokeep.pack.reader import frame_contents, manifest_from_head, read_manifest
from expokeep.store.base import ObjectMissing

HEAD_BYTES = 256 * 1024
"""Where only the manifest is wanted; most are shorter."""
_END = member.END_OF_TAR


@dataclass(frozen=True, slots=True)
class Report:
    """What is in a pack."""

    pack: PackRow
    size_bytes: int
    """Of the object."""
    read_bytes: int = 0
    is_missing: bool = False
    manifest: Manifest | None = None
    """None: it cannot be read."""
    faults: tuple[str, ...] = ()
    """What is wrong with the manifest, the footer, the end."""
    good: frozenset[Digest] = frozenset()
    """Contents that are where the pack, or else the catalog, says."""
    damaged: dict[Digest, str] = field(default_factory=dict)
    """Contents that should be there and are not, each with the reason."""
    misplaced: dict[Digest, Place] = field(default_factory=dict)
    """Good contents that the catalog looks for elsewhere: where they really are."""


@dataclass(frozen=True, slots=True)
class _Frame:
    offset: int
    length: int
    raw_length: int
    blobs: list[tuple[Digest, int, int]] = field(default_factory=list)
    """Digest, offset, size; in the order of their places."""


def read_pack(
    store: Gets, pack: PackRow, size_bytes: int, places: Sequence[Place]
) -> Report:
    """Read a pack to its end.

    Args:
        store: where it is.
        pack: as the catalog knows it.
        size_bytes: of the object, as the bucket lists it.
        places: of all contents that the catalog believes to be in it.

    Raises:
        BackendUnreachable, AccessDenied: nothing is known of the pack.
    """
    there = ObjectReader(store, pack.key, size_bytes)
    try:
        there.open()
    except ObjectMissing:
        reason = {place.digest: "the object is not there" for place in places}
        return Report(pack, 0, is_missing=True, damaged=reason)
    except IntegrityError:
        reason = {place.digest: "the object became shorter" for place in places}
        return Report(pack, 0, damaged=reason, faults=("the object became shorter",))
    return _Reading(there, pack, places).report()


class _Reading:
    def __init__(
        self, there: ObjectReader, pack: PackRow, places: Sequence[Place]
    ) -> None:
        self._there = there
        self._pack = pack
        self._places = places
        self._faults: list[str] = []
        self._good: set[Digest] = set()
        self._damaged: dict[Digest, str] = {}

    def report(self) -> Report:
        footer = self._footer()
        manifest = self._manifest(footer)
        frames = _frames_of(manifest) if manifest else _frames_at(self._places)
        for frame in frames:
            self._prove(frame)
        self._require_end(footer, manifest)
        misplaced = self._misplaced(manifest) if manifest else {}
        return Report(
            pack=self._pack,
            size_bytes=self._there.size_bytes,
            read_bytes=self._there.read_bytes,
            manifest=manifest,
            faults=tuple(self._faults),
            good=frozenset(self._good),
            damaged=self._damaged,
            misplaced=misplaced,
        )

    def _footer(self) -> Footer | None:
        start = max(0, self._there.size_bytes - FOOTER_BYTES)
        try:
            return read_footer(self._there.read(start, self._there.size_bytes - start))
        except PackDamaged as error:
            self._faults.append(f"footer: {error}")
            return None

    def _manifest(self, footer: Footer | None) -> Manifest | None:
        """Return the manifest, if it is whole and of this pack."""
        fault: PackDamaged | None = None
        found: Manifest | None = None
        try:
            if footer is not None:
                head = self._there.read(0, footer.manifest_length)
                found = read_manifest(head, footer)
        except PackDamaged as error:
            fault = error
        try:
            # What the footer says of it may be wrong, and the manifest itself right.
            found = found or manifest_by_itself(self._there, WINDOW_BYTES)
        except PackDamaged as error:
            self._faults.append(f"manifest: {fault or error}")
            return None
        if fault is not None:
            self._faults.append(f"footer: {fault}")
        if found.pack != self._pack.id:
            self._faults.append(f"manifest: it is the one of pack {found.pack}")
            return None
        return found

    def _prove(self, frame: _Frame) -> None:
        hashers = [hashlib.sha256() for _ in frame.blobs]
        at = 0
        try:
            for piece in self._contents(frame):
                for hasher, (_, offset, size_bytes) in zip(
                    hashers, frame.blobs, strict=True
                ):
                    start, end = max(0, offset - at), max(0, offset + size_bytes - at)
                    hasher.update(piece[start:end])
                at += len(piece)
        except PackDamaged as error:
            if not frame.blobs:
                self._faults.append(f"a frame that holds nothing: {error}")
            for digest, _, _ in frame.blobs:
                self._damaged[digest] = str(error)
            return
        for hasher, (digest, _, _) in zip(hashers, frame.blobs, strict=True):
            if hasher.digest() == digest:
                self._good.add(digest)
            else:
                self._damaged[digest] = "other bytes are in its place"

    def _contents(self, frame: _Frame) -> Iterable[bytes | memoryview]:
        if frame.raw_length > MAX_FRAME_BYTES:
            chunks = self._there.chunks(frame.offset, frame.length)
            return zstd.verified(chunks, frame.raw_length)
        compressed = self._there.read(frame.offset, frame.length)
        return (memoryview(frame_contents(compressed, frame.raw_length)),)

    def _require_end(self, footer: Footer | None, manifest: Manifest | None) -> None:
        start = _end_of_data(footer, manifest)
        if start is None or self._there.size_bytes != self._pack.size_bytes:
            return  # that is said already, and where the end should be is not known
        length = self._there.size_bytes - FOOTER_BYTES - start
        try:
            # Whatever is behind the data: no more of it is read than belongs there.
            end = self._there.read(start, min(length, len(_END)))
            is_there = length <= len(_END) and zstd.decompressed(end, len(_END)) == _END
        except PackDamaged:
            is_there = False
        if not is_there:
            self._faults.append("end: the tar does not end as it should")

    def _misplaced(self, manifest: Manifest) -> dict[Digest, Place]:
        true = {place.digest: place for place in places_in(manifest, self._pack.key)}
        found: dict[Digest, Place] = {}
        for place in self._places:
            where = true.get(place.digest)
            if where is None:
                self._damaged[place.digest] = "the pack does not hold it"
            elif where != place and place.digest in self._good:
                found[place.digest] = where
        return found


def manifest_by_itself(there: ObjectReader, first_bytes: int) -> Manifest:
    """Return the manifest that an object begins with, whatever is behind it.

    Raises:
        PackDamaged: it is not whole.
    """
    length = min(first_bytes, there.size_bytes)
    while True:
        found = manifest_from_head(there.read(0, length))
        if found is not None:
            return found
        if length >= min(MAX_MANIFEST_BYTES, there.size_bytes):
            raise PackDamaged("the manifest is cut")
        length = min(2 * length, there.size_bytes)


def manifest_of(store: Gets, pack: PackRow) -> Manifest | None:
    """Return the manifest of a pack, if it can be read; its contents are not read."""
    there = ObjectReader(store, pack.key, pack.size_bytes)
    try:
        found = manifest_by_itself(there, HEAD_BYTES)
    except IntegrityError:
        return None
    return found if found.pack == pack.id else None


def places_in(manifest: Manifest, key: str) -> list[Place]:
    """Return the places of all contents of a pack, as its manifest tells them."""
    frames = manifest.frames
    return [
        Place(
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            pack=manifest.pack,
            key=key,
            frame_offset=frames[blob.frame].offset,
            frame_length=frames[blob.frame].length,
            frame_raw_length=frames[blob.frame].raw_length,
            offset=blob.offset,
        )
        for blob in manifest.blobs
    ]


def _end_of_data(footer: Footer | None, manifest: Manifest | None) -> int | None:
    if manifest is not None and manifest.frames:
        return manifest.frames[-1].offset + manifest.frames[-1].length
    return footer.end_offset if footer is not None else None


def _frames_of(manifest: Manifest) -> list[_Frame]:
    frames = [_Frame(one.offset, one.length, one.raw_length) for one in manifest.frames]
    for blob in manifest.blobs:
        frames[blob.frame].blobs.append((blob.digest, blob.offset, blob.size_bytes))
    return frames


def _frames_at(places: Sequence[Place]) -> list[_Frame]:
    frames: dict[tuple[int, int, int], _Frame] = {}
    for place in sorted(places, key=lambda one: (one.frame_offset, one.offset)):
        span = (place.frame_offset, place.frame_length, place.frame_raw_length)
        frame = frames.setdefault(span, _Frame(*span))
        frame.blobs.append((place.digest, place.offset, place.size_bytes))
    return list(frames.values())
