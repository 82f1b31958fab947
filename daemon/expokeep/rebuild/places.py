"""What a manifest says, as the catalog knows it."""

from collections.abc import Iterator

from expokeep.catalog.values import PackRecord, Place
from expokeep.pack.format import Manifest
from expokeep.rebuild.heads import Listed


def record_of(pack: Listed, manifest: Manifest) -> PackRecord:
    """Return a pack as the catalog knows it."""
    return PackRecord(
        manifest.pack, pack.key, manifest.kind, manifest.level, pack.size_bytes
    )


def places_of(record: PackRecord, manifest: Manifest) -> Iterator[Place]:
    """Yield where the contents in a pack are."""
    for blob in manifest.blobs:
        frame = manifest.frames[blob.frame]
        yield Place(
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            pack=record.id,
            key=record.key,
            frame_offset=frame.offset,
            frame_length=frame.length,
            frame_raw_length=frame.raw_length,
            offset=blob.offset,
        )
