import os
import struct
import tracemalloc

import pytest

from expokeep.pack import zstd
from expokeep.pack.format import PackDamaged

RAW = b"0123456789abcdef" * 100_000
FRAME = zstd.compressed(RAW, 3)


def pieces(frame: bytes, size_bytes: int) -> list[bytes]:
    return [frame[at : at + size_bytes] for at in range(0, len(frame), size_bytes)]


def bomb(raw_length: int) -> bytes:
    """Return a small frame of zeros that tells its size truly."""
    compressor = zstd.compressor(raw_length, 3)
    million = bytes(1_000_000)
    told = [compressor.compress(million) for _ in range(raw_length // len(million))]
    return b"".join(told) + compressor.flush()


def without_checksum(raw: bytes) -> bytes:
    return zstd.zstd.compress(raw)


def with_no_size(raw: bytes) -> bytes:
    options = {
        zstd.zstd.CompressionParameter.checksum_flag: 1,
        zstd.zstd.CompressionParameter.content_size_flag: 0,
    }
    return zstd.zstd.compress(raw, options=options)


def with_dictionary(raw: bytes) -> bytes:
    samples = [b"sample %d of a dictionary" % n for n in range(1000)]
    options = {zstd.zstd.CompressionParameter.checksum_flag: 1}
    trained = zstd.zstd.train_dict(samples, 1000)
    return zstd.zstd.compress(raw, options=options, zstd_dict=trained)


def test_a_frame_comes_back() -> None:
    assert zstd.decompressed(FRAME, len(RAW)) == RAW
    assert zstd.decompressed(zstd.compressed(b"", 3), 0) == b""


def test_a_frame_made_of_pieces_tells_its_size() -> None:
    compressor = zstd.compressor(6, 3)

    frame = compressor.compress(b"abc") + compressor.compress(b"def")
    frame += compressor.flush()

    assert zstd.decompressed(frame, 6) == b"abcdef"


@pytest.mark.parametrize("raw_length", [0, 10, len(RAW) - 1, len(RAW) + 1])
def test_a_frame_of_another_size_is_damage(raw_length: int) -> None:
    with pytest.raises(PackDamaged):
        zstd.decompressed(FRAME, raw_length)


@pytest.mark.parametrize("length", range(0, len(FRAME), 7))
def test_a_cut_frame_is_damage(length: int) -> None:
    with pytest.raises(PackDamaged):
        zstd.decompressed(FRAME[:length], len(RAW))
    with pytest.raises(PackDamaged):
        b"".join(zstd.unfolded([FRAME[:length]], len(RAW) + 1))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        RAW,
        FRAME + b"\0",
        FRAME + FRAME,
        without_checksum(RAW),
        with_no_size(RAW),
        with_dictionary(RAW),
        b"\x50\x2a\x4d\x18\x04\0\0\0skip" + FRAME,
    ],
)
def test_a_frame_that_no_pack_has_is_damage(frame: bytes) -> None:
    with pytest.raises(PackDamaged):
        zstd.decompressed(frame, len(RAW))


def test_a_checksum_that_is_wrong_is_damage() -> None:
    frame = FRAME[:-1] + bytes([FRAME[-1] ^ 1])

    with pytest.raises(PackDamaged, match="checksum"):
        zstd.decompressed(frame, len(RAW))


def test_a_bomb_that_claims_to_be_small_is_stopped_at_what_it_claims() -> None:
    large = bomb(1_000_000_000)
    # Magic, descriptor and window stay; the 4 bytes behind them are the content size.
    assert struct.unpack("<I", large[6:10]) == (1_000_000_000,)
    lying = large[:6] + struct.pack("<I", 10) + large[10:]

    tracemalloc.start()
    with pytest.raises(PackDamaged):
        zstd.decompressed(lying, 10)
    with pytest.raises(PackDamaged):
        zstd.decompressed(large, 10)
    with pytest.raises(PackDamaged):
        zstd.leading(large, 10_000)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 1_000_000


def test_a_stream_is_stopped_where_it_should_end() -> None:
    large = bomb(1_000_000_000)

    tracemalloc.start()
    got_bytes = sum(map(len, zstd.unfolded(pieces(large, 4096), 5_000_000)))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert got_bytes == 5_000_000
    assert peak_bytes < 4_000_000


@pytest.mark.parametrize("size_bytes", [1, 3, 1000, len(FRAME)])
def test_a_stream_may_be_cut_anywhere(size_bytes: int) -> None:
    got = list(zstd.unfolded(pieces(FRAME, size_bytes), len(RAW)))

    assert b"".join(got) == RAW
    assert max(map(len, got)) <= 1024 * 1024


def test_nothing_is_read_for_nothing() -> None:
    assert list(zstd.unfolded([], 0)) == []
    assert list(zstd.unfolded([FRAME], 0)) == []


def test_noise_streams_too() -> None:
    noise = os.urandom(3_000_000)
    frame = zstd.compressed(noise, 1)

    assert b"".join(zstd.unfolded(pieces(frame, 65_536), len(noise))) == noise


def test_a_window_larger_than_8_mib_is_refused() -> None:
    raw = b"0123456789abcdef" * 2_000_000
    options = {
        zstd.zstd.CompressionParameter.checksum_flag: 1,
        zstd.zstd.CompressionParameter.window_log: 24,
    }
    frame = zstd.zstd.compress(raw, options=options)

    with pytest.raises(PackDamaged):
        b"".join(zstd.unfolded([frame], len(raw)))


def test_the_first_frame_is_told_from_what_follows() -> None:
    assert zstd.leading(FRAME + b"more", len(RAW)) == (RAW, len(FRAME))


@pytest.mark.parametrize("length", [0, 17, 18, 50, len(FRAME) - 1])
def test_a_first_frame_that_is_not_whole_is_none_yet(length: int) -> None:
    assert zstd.leading(FRAME[:length], len(RAW)) is None


def test_a_first_frame_that_is_damaged_is_damage() -> None:
    with pytest.raises(PackDamaged):
        zstd.leading(b"\0" * 100, 1000)
    with pytest.raises(PackDamaged):
        zstd.leading(FRAME[:-1] + bytes([FRAME[-1] ^ 1]), len(RAW))


def test_what_is_stored_is_a_frame_that_is_hardly_larger() -> None:
    frame = zstd.compressed(RAW, zstd.STORED)

    assert len(RAW) < len(frame) < 1.001 * len(RAW)
    assert zstd.decompressed(frame, len(RAW)) == RAW
    assert b"".join(zstd.verified(pieces(frame, 100_000), len(RAW))) == RAW
