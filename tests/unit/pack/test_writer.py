import hashlib
import io
import os
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from expokeep.errors import FileChanged
from expokeep.model.digest import digest_of
from expokeep.pack import frames, zstd
from expokeep.pack.format import BIG_FILE_BYTES, FRAME_BYTES
from expokeep.pack.reader import PackFile
from expokeep.pack.writer import PackWriter
from packing import MTIME_NS, file_of, manifest_of, pack_of


def test_small_files_share_frames_of_at_most_512_kib(tmp_path: Path) -> None:
    contents = {b"src/%03d.ts" % n: b"%03d" % n * 10_000 for n in range(60)}

    pack = pack_of(tmp_path, contents)

    raw_lengths = [frame.raw_length for frame in pack.manifest.frames]
    assert len(raw_lengths) == 4
    assert max(raw_lengths) <= FRAME_BYTES


def test_a_file_of_128_kib_has_a_frame_of_its_own(tmp_path: Path) -> None:
    contents = {b"a": b"a", b"b": b"b" * 128 * 1024, b"c": b"c" * (128 * 1024 - 1)}

    pack = pack_of(tmp_path, contents)

    place = {blob.digest: blob.frame for blob in pack.manifest.blobs}
    alone = place[digest_of(contents[b"b"])]
    assert place[digest_of(b"a")] == place[digest_of(contents[b"c"])]
    assert [blob.frame for blob in pack.manifest.blobs].count(alone) == 1


def test_a_file_that_is_packed_already_has_a_frame_of_its_own(tmp_path: Path) -> None:
    noise = os.urandom(70_000)

    pack = pack_of(tmp_path, {b"a.ts": b"a", b"b.PNG": b"b", b"noise": noise})

    assert sorted(blob.frame for blob in pack.manifest.blobs) == [0, 1, 2]


def test_contents_that_are_there_already_are_not_stored_again(tmp_path: Path) -> None:
    with PackWriter(tmp_path, 3) as writer:
        writer.add(b"a", file_of(b"same"), b"same")
        assert writer.holds(digest_of(b"same"))
        writer.add(b"b", file_of(b"same"), b"same")
        writer.add_stream(b"c", io.BytesIO(b"same"), 4, mode=0o644, mtime_ns=0)
        pack = writer.finish(manifest_of(), fsync=False)

    assert len(pack.manifest.blobs) == len(pack.manifest.frames) == 1


def test_the_file_is_what_the_result_says(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, {b"a": b"hello"})

    written = pack.path.read_bytes()
    assert pack.path == tmp_path / f"{pack.manifest.pack}.tar.zst"
    assert pack.size_bytes == len(written)
    assert pack.sha256 == hashlib.sha256(written).digest()
    assert pack.path.stat().st_mode & 0o777 == 0o600
    with PackFile(pack.path) as read:
        assert read.manifest == pack.manifest


def test_frames_lie_where_the_manifest_says(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, {b"a.ts": b"a" * 1000, b"b.png": b"b" * 1000})

    written = pack.path.read_bytes()
    for frame in pack.manifest.frames:
        compressed = written[frame.offset : frame.offset + frame.length]
        assert len(zstd.decompressed(compressed, frame.raw_length)) == frame.raw_length


def test_an_empty_file_is_kept_like_any_other(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, {b"empty": b"", b"full": b"x"})

    with PackFile(pack.path) as read:
        assert read.blob(digest_of(b"")) == b""
        assert read.blob(digest_of(b"x")) == b"x"


def test_a_pack_may_hold_nothing_but_its_manifest(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, {})

    with PackFile(pack.path) as read:
        assert read.manifest.frames == read.manifest.blobs == ()


def test_a_stream_gets_its_digest_and_comes_back(tmp_path: Path) -> None:
    contents = b"0123456789abcdef" * 700_000

    with PackWriter(tmp_path, 3) as writer:
        writer.add(b"before", file_of(b"before"), b"before")
        digest = writer.add_stream(
            b"video.mov", io.BytesIO(contents), len(contents), mode=0o644, mtime_ns=0
        )
        pack = writer.finish(manifest_of(), fsync=True)

    assert digest == digest_of(contents)
    with PackFile(pack.path) as read:
        assert b"".join(read.stream(digest)) == contents
        assert read.blob(digest_of(b"before")) == b"before"


NOISE = os.urandom(3_000_000)
"""Enough for a frame to be half written when something goes wrong."""


class Shrinking(io.BytesIO):
    """A file that is cut while it is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if self.tell() < 2_000_000 else 0)


@pytest.mark.parametrize("source", [Shrinking(NOISE), io.BytesIO(NOISE + b"x")])
def test_a_file_that_changed_leaves_the_pack_as_it_was(
    tmp_path: Path, source: io.BytesIO
) -> None:
    with PackWriter(tmp_path, 3) as writer:
        writer.add_stream(b"a", io.BytesIO(b"good"), 4, mode=0o644, mtime_ns=0)
        with pytest.raises(FileChanged):
            writer.add_stream(b"b", source, len(NOISE), mode=0o644, mtime_ns=0)
        writer.add_stream(b"c", io.BytesIO(b"too"), 3, mode=0o644, mtime_ns=0)
        pack = writer.finish(manifest_of(), fsync=False)

    assert pack.size_bytes < 2000
    with PackFile(pack.path) as read:
        assert read.blob(digest_of(b"good")) == b"good"
        assert read.blob(digest_of(b"too")) == b"too"
        assert len(read.manifest.frames) == 2


def test_a_stream_waits_for_the_frames_before_it(tmp_path: Path) -> None:
    contents = {b"%d.png" % n: os.urandom(500_000) for n in range(4)}

    with (
        ThreadPoolExecutor(2) as executor,
        PackWriter(tmp_path, 3, executor=executor) as writer,
    ):
        for path, held in contents.items():
            writer.add(path, file_of(held), held)
        source = io.BytesIO(NOISE)
        writer.add_stream(b"b", source, len(NOISE), mode=0o644, mtime_ns=0)
        pack = writer.finish(manifest_of(), fsync=False)

    with PackFile(pack.path) as read:
        lying = [read.blob(blob.digest) for blob in read.manifest.blobs]
        assert lying == [*contents.values(), NOISE]


def test_contents_of_another_size_than_their_entry_are_refused(tmp_path: Path) -> None:
    with PackWriter(tmp_path, 3) as writer, pytest.raises(ValueError, match="3 bytes"):
        writer.add(b"a", file_of(b"four"), b"thr")


def test_what_is_big_must_come_as_a_stream(tmp_path: Path) -> None:
    big = bytes(BIG_FILE_BYTES)

    with PackWriter(tmp_path, 3) as writer, pytest.raises(ValueError, match="bytes"):
        writer.add(b"a", file_of(big), big)


def test_an_unsafe_path_is_never_written(tmp_path: Path) -> None:
    with PackWriter(tmp_path, 3) as writer, pytest.raises(ValueError, match="unsafe"):
        writer.add(b"../a", file_of(b"x"), b"x")


def test_what_is_not_finished_leaves_nothing_behind(tmp_path: Path) -> None:
    with PackWriter(tmp_path, 3) as writer:
        noise = io.BytesIO(os.urandom(20_000_000))
        writer.add_stream(b"a", noise, 20_000_000, mode=0o644, mtime_ns=0)

    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with PackWriter(tmp_path, 3) as writer, pytest.raises(OSError, match="No space"):
        writer.finish(manifest_of(), fsync=True)

    assert list(tmp_path.iterdir()) == []


def test_threads_that_compress_change_nothing_in_the_pack(tmp_path: Path) -> None:
    contents = {b"%03d.ts" % n: b"%03d" % n * 20_000 for n in range(60)}
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()

    alone = pack_of(one, contents)
    with ThreadPoolExecutor(2) as executor:
        together = pack_of(other, contents, executor=executor)

    assert alone.sha256 == together.sha256


class Slow(Executor):
    """Finishes nothing until it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[bytes], bytes, int]] = []
        self.most_waiting = 0
        self.grew = threading.Condition()

    def submit(self, fn, /, *args, **kwargs):
        future: Future[bytes] = Future()
        with self.grew:
            self.waiting.append((future, *args))
            self.most_waiting = max(self.most_waiting, len(self.waiting))
            self.grew.notify()
        return future

    def finish_oldest(self) -> None:
        with self.grew:
            assert self.grew.wait_for(lambda: self.waiting, timeout=10)
            future, raw, level = self.waiting.pop(0)
        future.set_result(zstd.compressed(raw, level))


def test_only_a_few_frames_are_on_their_way(tmp_path: Path) -> None:
    slow = Slow()
    contents = {b"%d.png" % n: b"%d" % n for n in range(10)}
    packer = threading.Thread(
        target=pack_of, args=(tmp_path, contents), kwargs={"executor": slow}
    )

    packer.start()
    for _ in contents:
        slow.finish_oldest()
    packer.join(timeout=10)

    assert not packer.is_alive()
    assert slow.most_waiting <= frames.MAX_IN_FLIGHT
    assert len(list(tmp_path.iterdir())) == 1


def test_every_frame_is_as_the_format_promises(tmp_path: Path) -> None:
    with PackWriter(tmp_path, 19) as writer:
        writer.add(b"a", file_of(b"a"), b"a")
        big = b"0123456789abcdef" * 1_000_000
        source = io.BytesIO(big)
        writer.add_stream(b"b", source, len(big), mode=0o600, mtime_ns=MTIME_NS)
        pack = writer.finish(manifest_of(), fsync=False)

    written = pack.path.read_bytes()
    starts = [0, *(frame.offset for frame in pack.manifest.frames)]
    for start in starts:
        about = zstd.zstd.get_frame_info(written[start : start + 18])
        assert about.decompressed_size is not None
        assert about.dictionary_id == 0
        assert written[start + 4] & 0b100, "no checksum"
        assert window_bytes(written[start : start + 18]) <= 8 * 1024 * 1024


def window_bytes(header: bytes) -> int:
    """Return the window that a frame needs, by RFC 8878."""
    if header[4] & 0b100000:
        return zstd.zstd.get_frame_info(header).decompressed_size or 0
    exponent, mantissa = header[5] >> 3, header[5] & 7
    base = 1 << (10 + exponent)
    return base + base // 8 * mantissa


def test_zstd_levels_with_larger_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="level 20"):
        zstd.compressed(b"", 20)
