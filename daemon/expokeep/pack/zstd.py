"""The only door to zstd, whichever module holds it, and what every frame must be.

A frame names its content size and carries a checksum, uses no dictionary, and wants a
window of at most 8 MiB. Whoever wrote a frame may be hostile: nothing here unfolds more
than it was told to expect.
"""

import sys
from collections.abc import Iterable, Iterator

from expokeep.pack.format import PackDamaged

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_LEVEL = 19
"""From level 20 on, zstd wants windows of more than 8 MiB."""

STORED = -131_072
"""Not compressed: the fastest level there is finds nothing, and copies bytes. What
comes out is a frame like any other."""

_WINDOW_LOG = 23
_WIDE_WINDOW_LOG = 27
_PIECE_BYTES = 1024 * 1024
MAGIC = b"\x28\xb5\x2f\xfd"
_HEADER_BYTES = 18
_HAS_CHECKSUM = 0b100

Damaged = zstd.ZstdError
"""What `decompressor` raises for bytes that are no zstd, or want too much memory."""

_READING: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}


def _writing(level: int) -> dict[int, int]:
    if level != STORED and not 1 <= level <= MAX_LEVEL:
        raise ValueError(f"packs have no zstd level {level}")
    return {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
        zstd.CompressionParameter.content_size_flag: 1,
    }


def compressed(raw: bytes | memoryview, level: int) -> bytes:
    """Return `raw` as one frame. Lets other threads run meanwhile."""
    return zstd.compress(raw, options=_writing(level))


def compressor(raw_length: int, level: int) -> zstd.ZstdCompressor:
    """Return what makes one frame of pieces that are `raw_length` bytes together."""
    frame = zstd.ZstdCompressor(options=_writing(level))
    frame.set_pledged_input_size(raw_length)
    return frame


def streaming(level: int) -> zstd.ZstdCompressor:
    """Return what makes one frame of pieces whose sum nobody knows: none of a pack."""
    options = _writing(level)
    options[zstd.CompressionParameter.content_size_flag] = 0
    return zstd.ZstdCompressor(options=options)


def decompressor() -> zstd.ZstdDecompressor:
    """Return what unfolds a frame that is none of a pack, and wants more memory."""
    wide: dict[int, int] = {
        zstd.DecompressionParameter.window_log_max: _WIDE_WINDOW_LOG
    }
    return zstd.ZstdDecompressor(options=wide)


def decompressed(frame: bytes | memoryview, raw_length: int) -> bytes:
    """Return what a whole frame holds, its checksum verified.

    Raises:
        PackDamaged: it is no such frame, or does not hold exactly `raw_length` bytes.
            At most one byte more than that was unfolded to find out.
    """
    if _content_size(frame) != raw_length:
        raise PackDamaged(f"a frame does not say that it holds {raw_length} bytes")
    unfolding = zstd.ZstdDecompressor(options=_READING)
    raw = _unfold(unfolding, frame, raw_length + 1)
    if len(raw) != raw_length or not unfolding.eof or unfolding.unused_data:
        raise PackDamaged(f"a frame does not hold {raw_length} bytes")
    return raw


def leading(head: bytes, at_most: int) -> tuple[bytes, int] | None:
    """Return what the first frame of `head` holds, and how long the frame is.

    None when `head` ends before the frame does.

    Raises:
        PackDamaged: it is no frame of a pack, or wants to hold more than `at_most`.
    """
    if len(head) < _HEADER_BYTES:
        return None
    raw_length = _content_size(head)
    if raw_length > at_most:
        raise PackDamaged(f"a frame wants to hold {raw_length} bytes")
    unfolding = zstd.ZstdDecompressor(options=_READING)
    raw = _unfold(unfolding, head, raw_length + 1)
    if not unfolding.eof and unfolding.needs_input:
        return None
    if len(raw) != raw_length or not unfolding.eof:
        raise PackDamaged(f"a frame does not hold {raw_length} bytes")
    return raw, len(head) - len(unfolding.unused_data)


def unfolded(chunks: Iterable[bytes], raw_bytes: int) -> Iterator[bytes]:
    """Yield the first `raw_bytes` bytes of a frame in pieces of at most 1 MiB.

    `chunks` is the frame, cut anywhere; no more of it is read than is needed, so the
    checksum at its end is not: whoever calls holds a digest of what comes out.

    Raises:
        PackDamaged: the frame is damaged or holds less.
    """
    unfolding = zstd.ZstdDecompressor(options=_READING)
    left = raw_bytes
    for chunk in chunks:
        piece = _unfold(unfolding, chunk, min(left, _PIECE_BYTES))
        while piece:
            left -= len(piece)
            yield piece
            if not left or unfolding.eof or unfolding.needs_input:
                break
            piece = _unfold(unfolding, b"", min(left, _PIECE_BYTES))
        if not left or unfolding.eof:
            break
    if left:
        raise PackDamaged(f"a frame ends {left} bytes early")


def verified(chunks: Iterable[bytes], raw_length: int) -> Iterator[bytes]:
    """Yield all that a frame holds, in pieces of about 1 MiB, to its very end.

    `chunks` is the frame, cut anywhere but in its header, and nothing else.

    Raises:
        PackDamaged: the frame is damaged, holds more or less than `raw_length` bytes,
            or something lies behind it. Its checksum is verified last.
    """
    unfolding = zstd.ZstdDecompressor(options=_READING)
    left, is_first = raw_length, True
    for chunk in chunks:
        if is_first and _content_size(chunk) != raw_length:
            raise PackDamaged(f"a frame does not say that it holds {raw_length} bytes")
        if unfolding.eof:
            break
        is_first, rest = False, chunk
        while rest or not (unfolding.needs_input or unfolding.eof):
            piece = _unfold(unfolding, rest, _PIECE_BYTES)
            rest, left = b"", left - len(piece)
            if left < 0:
                raise PackDamaged(f"a frame holds more than {raw_length} bytes")
            yield piece
    if left or not unfolding.eof or unfolding.unused_data:
        raise PackDamaged(f"a frame does not hold {raw_length} bytes")


def _content_size(head: bytes | memoryview) -> int:
    start = bytes(head[:_HEADER_BYTES])
    if not start.startswith(MAGIC):
        raise PackDamaged("no zstd frame where one should be")
    try:
        about = zstd.get_frame_info(start)
    except zstd.ZstdError as error:
        raise PackDamaged(f"a frame has a damaged header: {error}") from error
    if about.dictionary_id or not start[4] & _HAS_CHECKSUM:
        raise PackDamaged("a frame wants a dictionary or has no checksum")
    if about.decompressed_size is None:
        raise PackDamaged("a frame does not say how much it holds")
    return about.decompressed_size


def _unfold(
    unfolding: zstd.ZstdDecompressor, chunk: bytes | memoryview, at_most: int
) -> bytes:
    try:
        return unfolding.decompress(chunk, max_length=at_most)
    except zstd.ZstdError as error:
        raise PackDamaged(f"a frame is damaged: {error}") from error
