"""The last 72 bytes of a pack: where its parts are, and what proves its manifest.

To zstd they are a skippable frame, which every reader of zstd passes over.
"""

import struct
from dataclasses import dataclass

from expokeep.model.digest import Digest
from expokeep.pack.format import (
    MAX_MANIFEST_BYTES,
    MAX_SIZE,
    VERSION,
    PackDamaged,
)

FOOTER_BYTES = 72

_LAYOUT = struct.Struct("<II8sHHIQQ32s")
_SKIPPABLE = 0x184D2A50
_SKIPPED_BYTES = FOOTER_BYTES - 8
_MAGIC = b"expokeep"


@dataclass(frozen=True, slots=True)
class Footer:
    """Where the parts of a pack are."""

    manifest_length: int
    """Of the manifest's frame, which starts the pack; compressed, in bytes."""
    data_length: int
    """Of all data frames together; they follow the manifest's."""
    manifest_digest: Digest
    """Of the JSON."""

    @property
    def data_offset(self) -> int:
        """Where the first data frame starts."""
        return self.manifest_length

    @property
    def end_offset(self) -> int:
        """Where the frame with the end of the tar starts."""
        return self.manifest_length + self.data_length


def encode_footer(footer: Footer) -> bytes:
    """Return the last bytes of a pack."""
    return _LAYOUT.pack(
        _SKIPPABLE,
        _SKIPPED_BYTES,
        _MAGIC,
        VERSION,
        0,
        footer.manifest_length,
        footer.data_offset,
        footer.data_length,
        footer.manifest_digest,
    )


def read_footer(tail: bytes) -> Footer:
    """Return the footer that `tail`, the end of a pack, ends with.

    Raises:
        PackDamaged: the pack is cut, is none, or is of a version that we do not know.
    """
    if len(tail) < FOOTER_BYTES:
        raise PackDamaged("too short for a pack")
    skippable, skipped, magic, version, flags, *places = _LAYOUT.unpack(
        tail[-FOOTER_BYTES:]
    )
    if (skippable, skipped, magic) != (_SKIPPABLE, _SKIPPED_BYTES, _MAGIC):
        raise PackDamaged("does not end as a pack does")
    if version != VERSION or flags:
        raise PackDamaged(f"a pack of version {version}, flags {flags:#x}: not known")
    manifest_length, data_offset, data_length, digest = places
    is_read = manifest_length <= MAX_MANIFEST_BYTES
    if data_offset != manifest_length or data_length > MAX_SIZE or not is_read:
        raise PackDamaged("a footer that contradicts itself")
    return Footer(manifest_length, data_length, Digest(digest))
