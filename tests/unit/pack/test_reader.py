import os
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from expokeep.errors import BlobMissing, IntegrityError
from expokeep.model.digest import digest_of
from expokeep.pack import member, zstd
from expokeep.pack.footer import FOOTER_BYTES, Footer, encode_footer, read_footer
from expokeep.pack.format import MAX_FRAME_BYTES, BlobSpan, Manifest, PackDamaged
from expokeep.pack.manifest import MANIFEST_PATH, encode_manifest
from expokeep.pack.reader import (
    PackFile,
    blob_from_frame,
    frame_contents,
    manifest_from_head,
    read_manifest,
    stream_blob,
)
from expokeep.pack.writer import FinishedPack
from packing import pack_of

NOISE = os.urandom(140_000)
CONTENTS: Mapping[bytes, bytes] = {
    b"App.tsx": b"export default 1;\n" * 20,
    b"icon.png": b"\x89PNG" + NOISE[:50],
    b"noise": NOISE,
    b"src/empty": b"",
}


@pytest.fixture
def pack(tmp_path: Path) -> FinishedPack:
    return pack_of(tmp_path, CONTENTS)


def everything(path: Path) -> tuple[Manifest, list[bytes], list[bytes]]:
    """Return all that a pack holds, read in both ways."""
    with PackFile(path) as read:
        digests = [blob.digest for blob in read.manifest.blobs]
        whole = [read.blob(digest) for digest in digests]
        return read.manifest, whole, [b"".join(read.stream(one)) for one in digests]


def test_all_contents_come_back(pack: FinishedPack) -> None:
    manifest, whole, streamed = everything(pack.path)

    assert manifest == pack.manifest
    assert whole == streamed
    assert sorted(whole) == sorted(CONTENTS.values())


def test_contents_that_are_elsewhere_are_missing(pack: FinishedPack) -> None:
    with PackFile(pack.path) as read:
        assert not read.holds(digest_of(b"else"))
        for ask in (read.blob, read.stream):
            with pytest.raises(BlobMissing):
                ask(digest_of(b"else"))


def boundaries(pack: FinishedPack) -> list[int]:
    """Return every place in a pack where one part ends and the next begins."""
    footer = read_footer(pack.path.read_bytes())
    starts = [frame.offset for frame in pack.manifest.frames]
    fields = [pack.size_bytes - FOOTER_BYTES + at for at in (0, 4, 8, 16, 20, 40, 71)]
    return [0, *starts, footer.end_offset, *fields]


def test_a_pack_that_is_cut_at_any_boundary_is_damage(pack: FinishedPack) -> None:
    whole = pack.path.read_bytes()
    cuts = {cut + step for cut in boundaries(pack) for step in (-1, 0, 1)}

    for cut in sorted(cuts):
        if 0 <= cut < len(whole):
            pack.path.write_bytes(whole[:cut])
            with pytest.raises(PackDamaged):
                everything(pack.path)


def test_a_pack_with_a_hole_at_any_boundary_is_damage(pack: FinishedPack) -> None:
    whole = pack.path.read_bytes()

    for at in boundaries(pack):
        for changed in (whole[:at] + whole[at + 1 :], whole[:at] + b"\0" + whole[at:]):
            pack.path.write_bytes(changed)
            with pytest.raises(PackDamaged):
                everything(pack.path)


def test_a_flipped_byte_never_goes_unnoticed(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, {b"a.ts": b"one", b"b.png": b"two", b"c": NOISE[:300]})
    whole = pack.path.read_bytes()
    expected = everything(pack.path)

    unnoticed = []
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x55
        pack.path.write_bytes(changed)
        try:
            assert everything(pack.path) == expected
            unnoticed.append(at)
        except IntegrityError:
            pass

    # A bit that zstd itself does not mind changes nothing of what is read.
    assert len(unnoticed) < len(whole) / 100


def test_swapped_frames_are_damage(pack: FinishedPack) -> None:
    one, other = pack.manifest.frames[:2]
    whole = pack.path.read_bytes()
    first = whole[one.offset : one.offset + one.length]
    second = whole[other.offset : other.offset + other.length]
    end = other.offset + other.length
    pack.path.write_bytes(whole[: one.offset] + second + first + whole[end:])

    with pytest.raises(PackDamaged):
        everything(pack.path)


def test_frames_of_another_pack_are_damage(tmp_path: Path, pack: FinishedPack) -> None:
    (tmp_path / "other").mkdir()
    other = pack_of(tmp_path / "other", {b"x": b"another"})
    foreign = other.manifest.frames[0]
    put = other.path.read_bytes()[foreign.offset : foreign.offset + foreign.length]

    raw = frame_contents(put, foreign.raw_length)
    for span in pack.manifest.blobs:
        # Nothing is nothing, wherever it lies.
        if span.size_bytes:
            with pytest.raises(PackDamaged):
                blob_from_frame(raw, span)


def sealed(data: bytes, manifest: Manifest, *, json: bytes | None = None) -> bytes:
    """Return a pack whose every checksum is right, whatever it claims."""
    told = encode_manifest(manifest) if json is None else json
    header = member.header(MANIFEST_PATH, len(told), mode=0o644, mtime_ns=0)
    head = zstd.compressed(header + told + member.padding(len(told)), 3)
    end = zstd.compressed(member.END_OF_TAR, 3)
    footer = Footer(len(head), len(data), digest_of(told))
    return head + data + end + encode_footer(footer)


def relative(pack: FinishedPack) -> tuple[bytes, Manifest]:
    """Return the data of a pack, and its manifest with offsets from there."""
    whole = pack.path.read_bytes()
    footer = read_footer(whole)
    frames = tuple(
        replace(frame, offset=frame.offset - footer.data_offset)
        for frame in pack.manifest.frames
    )
    data = whole[footer.data_offset : footer.end_offset]
    return data, replace(pack.manifest, frames=frames)


def test_a_sealed_pack_is_read(pack: FinishedPack) -> None:
    before = everything(pack.path)
    pack.path.write_bytes(sealed(*relative(pack)))

    assert everything(pack.path)[1:] == before[1:]


def test_a_blob_that_lies_about_its_place_is_damage(pack: FinishedPack) -> None:
    data, manifest = relative(pack)
    first, *rest = manifest.blobs
    assert first.size_bytes > 3
    for lie in (
        replace(first, size_bytes=first.size_bytes - 1),
        replace(first, size_bytes=first.size_bytes + 1),
        replace(first, digest=digest_of(b"lie")),
    ):
        lying = replace(manifest, blobs=(lie, *rest))
        pack.path.write_bytes(sealed(data, lying))

        with PackFile(pack.path) as read:
            with pytest.raises(PackDamaged):
                read.blob(lie.digest)
            with pytest.raises(PackDamaged):
                list(read.stream(lie.digest))


def test_a_frame_that_lies_about_its_size_is_damage(pack: FinishedPack) -> None:
    data, manifest = relative(pack)
    first, *rest = manifest.frames
    lie = replace(first, raw_length=first.raw_length + 512)
    lying = replace(manifest, frames=(lie, *rest))
    pack.path.write_bytes(sealed(data, lying))

    with PackFile(pack.path) as read, pytest.raises(PackDamaged):
        read.blob(manifest.blobs[0].digest)


def test_frames_that_do_not_fill_the_data_are_damage(pack: FinishedPack) -> None:
    data, manifest = relative(pack)
    pack.path.write_bytes(sealed(data + b"more", manifest))

    with pytest.raises(PackDamaged, match="fill"):
        everything(pack.path)


def test_a_footer_of_another_manifest_is_damage(pack: FinishedPack) -> None:
    whole = pack.path.read_bytes()
    footer = replace(read_footer(whole), manifest_digest=digest_of(b"{}"))
    pack.path.write_bytes(whole[:-FOOTER_BYTES] + encode_footer(footer))

    with pytest.raises(PackDamaged, match="footer names"):
        everything(pack.path)


def test_an_end_that_is_no_end_of_a_tar_is_damage(pack: FinishedPack) -> None:
    whole = pack.path.read_bytes()
    end = zstd.compressed(b"x" * 1024, 3)
    start = read_footer(whole).end_offset
    pack.path.write_bytes(whole[:start] + end + whole[-FOOTER_BYTES:])

    with pytest.raises(PackDamaged, match="does not end"):
        everything(pack.path)


def test_a_file_that_is_no_pack_is_damage(tmp_path: Path) -> None:
    for contents in (b"", b"x" * 71, b"x" * 1000, zstd.compressed(b"x" * 1000, 3)):
        (tmp_path / "no").write_bytes(contents)
        with pytest.raises(PackDamaged):
            everything(tmp_path / "no")


def test_the_manifest_is_read_from_the_head_alone(pack: FinishedPack) -> None:
    whole = pack.path.read_bytes()
    length = read_footer(whole).manifest_length

    assert manifest_from_head(whole[: length + 1000]) == pack.manifest
    assert manifest_from_head(whole[:length]) == pack.manifest
    assert manifest_from_head(whole[: length - 1]) is None
    assert manifest_from_head(b"") is None


def test_a_head_that_is_none_is_damage() -> None:
    for head in (bytes(100), zstd.compressed(bytes(1024), 3) + bytes(100)):
        with pytest.raises(PackDamaged):
            manifest_from_head(head)


def test_the_manifest_is_read_by_its_footer(pack: FinishedPack) -> None:
    whole = pack.path.read_bytes()
    footer = read_footer(whole[-FOOTER_BYTES:])

    assert read_manifest(whole[: footer.data_offset], footer) == pack.manifest
    for length in (-40, -1):
        with pytest.raises(PackDamaged):
            read_manifest(whole[: footer.data_offset + length], footer)
    longer = replace(footer, manifest_length=footer.manifest_length + 1)
    with pytest.raises(PackDamaged):
        read_manifest(whole[: longer.data_offset], longer)


def test_a_manifest_that_claims_to_be_huge_is_not_unfolded() -> None:
    # The start of a frame, by RFC 8878: magic, "checksum, 8 bytes of size", the size.
    head = b"\x28\xb5\x2f\xfd" + b"\xe4" + struct.pack("<Q", 2**40) + bytes(100)

    with pytest.raises(PackDamaged, match=str(2**40)):
        manifest_from_head(head)


def test_a_frame_that_belongs_into_no_memory_is_not_unfolded() -> None:
    with pytest.raises(PackDamaged, match="one piece"):
        frame_contents(b"", MAX_FRAME_BYTES + 512)


def test_a_stream_is_no_proof_before_it_ends() -> None:
    raw = bytes(512) + b"x" * 3_000_000 + bytes(320)
    frame = zstd.compressed(raw, 3)
    span = BlobSpan(digest_of(b"other"), 0, 512, 3_000_000)

    stream = stream_blob([frame], span)

    assert set(next(stream)) == {ord("x")}
    with pytest.raises(PackDamaged):
        list(stream)


def test_a_stream_that_stops_early_is_damage() -> None:
    noise = os.urandom(3_000_000)
    frame = zstd.compressed(bytes(512) + noise, 3)
    span = BlobSpan(digest_of(noise), 0, 512, len(noise))

    for cut in (0, 5, 100, 2_000_000):
        with pytest.raises(PackDamaged):
            list(stream_blob([frame[:cut]], span))
    assert b"".join(stream_blob([frame[:9], frame[9:]], span)) == noise
