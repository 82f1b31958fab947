import contextlib
import datetime
import io
import tarfile
import tempfile
import uuid
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from expokeep.errors import IntegrityError
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId, is_safe_path
from expokeep.model.tree import Delta, Directory, File, Link
from expokeep.pack import member
from expokeep.pack.footer import Footer, encode_footer, read_footer
from expokeep.pack.format import (
    BlobSpan,
    FrameSpan,
    Manifest,
    PackDamaged,
    SnapRecord,
)
from expokeep.pack.key import PackName, pack_key, parse_pack_key
from expokeep.pack.manifest import decode_manifest, encode_manifest
from expokeep.pack.reader import PackFile, manifest_from_head, read_manifest
from expokeep.pack.writer import PackWriter
from packing import file_of, manifest_of, pack_of, snap_of

names = st.one_of(
    st.binary(min_size=1, max_size=12),
    st.text(min_size=1, max_size=40).map(lambda text: text.encode()[:255]),
    st.sampled_from([b"a" * 255, b"\\x41", b"\xff\\", b"a\nb", b" ", b"-", b"%s"]),
)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join).filter(is_safe_path)
sizes = st.integers(0, 2**63 - 1)
mtimes = st.integers(-(2**63) + 1, 2**63 - 1)
modes = st.integers(0, 0o777)
digests = st.binary(min_size=4, max_size=4).map(digest_of)
targets = st.binary(min_size=1, max_size=20).filter(lambda raw: b"\0" not in raw)
entries = st.one_of(
    st.builds(File, digests, sizes, modes, mtimes),
    st.builds(Link, targets, mtimes),
    st.builds(Directory, modes, mtimes),
)
moments = st.datetimes(
    min_value=datetime.datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(datetime.UTC),
)


@st.composite
def snaps(draw: st.DrawFn, seq: int) -> SnapRecord:
    listed = draw(st.dictionaries(paths, entries, max_size=5))
    full = draw(st.booleans())
    gone = frozenset() if full else draw(st.frozensets(paths, max_size=3))
    return SnapRecord(
        seq=seq,
        parent=draw(st.none() | st.integers(1, 2**31)),
        at=draw(moments),
        full=full,
        tree=draw(digests),
        file_count=draw(st.integers(0, 2**31)),
        size_bytes=draw(sizes),
        delta=Delta(listed, gone - listed.keys()),
    )


@st.composite
def frame_lists(draw: st.DrawFn, data_offset: int) -> tuple[FrameSpan, ...]:
    offset, frames = data_offset, []
    for _ in range(draw(st.integers(0, 3))):
        length = draw(st.integers(1, 1000))
        frames.append(FrameSpan(offset, length, 512 * draw(st.integers(1, 9))))
        offset += length
    return tuple(frames)


@st.composite
def blob_lists(draw: st.DrawFn, frames: tuple[FrameSpan, ...]) -> tuple[BlobSpan, ...]:
    blobs = {}
    for number, frame in enumerate(frames):
        end = 0
        while end + 512 <= frame.raw_length and draw(st.booleans()):
            offset = end + 512 + -end % 512
            if offset > frame.raw_length:
                break
            size_bytes = draw(st.integers(0, frame.raw_length - offset))
            blob = BlobSpan(draw(digests), number, offset, size_bytes)
            blobs.setdefault(blob.digest, blob)
            end = offset + size_bytes
    return tuple(blobs.values())


@st.composite
def manifests(draw: st.DrawFn, data_offset: int = 0) -> Manifest:
    seqs = sorted(draw(st.frozensets(st.integers(1, 2**40), max_size=3)))
    frames = draw(frame_lists(data_offset))
    return Manifest(
        pack=draw(st.uuids()),
        kind=draw(st.sampled_from(["base", "incr", "merge", "big"])),
        level=draw(st.integers(0, 9)),
        scope=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)),
        session=SessionId(draw(st.from_regex(r"[a-z0-9][A-Z.-]{0,9}", fullmatch=True))),
        epoch=draw(st.integers(0, 2**31)),
        created=draw(moments),
        snaps=tuple(draw(snaps(seq)) for seq in seqs),
        deps=tuple(draw(st.lists(st.uuids(), max_size=2))),
        supersedes=tuple(draw(st.lists(st.uuids(), max_size=2))),
        frames=frames,
        blobs=draw(blob_lists(frames)),
    )


offsets = st.integers(0, 2**40)


@given(st.data(), offsets)
@settings(deadline=None)
def test_a_manifest_comes_back_as_it_was(data: st.DataObject, offset: int) -> None:
    manifest = data.draw(manifests(offset))

    assert decode_manifest(encode_manifest(manifest, offset), offset) == manifest


def test_times_of_entries_come_back_too() -> None:
    # Entries compare without their times, so the property above does not see them.
    for entry in (Link(b"x", -7), Directory(0o755, 8), File(digest_of(b""), 0, 0, 9)):
        tree = {b"a": entry}
        (snap,) = decode_manifest(encode_manifest(manifest_of(snap_of(tree)))).snaps
        assert snap.delta.set[b"a"].mtime_ns == entry.mtime_ns


@given(manifests(), st.data())
@settings(deadline=None)
def test_a_mutated_manifest_is_damage_or_another_manifest(
    manifest: Manifest, data: st.DataObject
) -> None:
    raw = mutated(encode_manifest(manifest), data)

    try:
        read = decode_manifest(raw)
    except PackDamaged:
        return
    # What was accepted is a manifest like any other.
    assert decode_manifest(encode_manifest(read)) == read


def mutated(raw: bytes, data: st.DataObject) -> bytes:
    """Return bytes with a few changes: flipped, cut out, or put in."""
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        skipped = data.draw(st.integers(0, 3))
        put = data.draw(st.binary(max_size=3) | st.sampled_from([b"-1", b"]", b'"']))
        raw = raw[:at] + put + raw[at + skipped :]
    return raw


contents = st.one_of(
    st.binary(max_size=2000),
    st.integers(1, 300_000).map(lambda size: b"0123456789abcdef\n" * (size // 17)),
)
projects = st.dictionaries(paths, contents, max_size=6)


@given(projects, st.sampled_from([1, 3, 6]), st.data())
@settings(deadline=None, max_examples=50)
def test_whatever_goes_into_a_pack_comes_out(
    project: dict[bytes, bytes], level: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        with PackWriter(Path(directory), level) as writer:
            for path, held in project.items():
                if data.draw(st.booleans()):
                    writer.add(path, file_of(held), held)
                else:
                    source = io.BytesIO(held)
                    digest = writer.add_stream(
                        path, source, len(held), mode=0o644, mtime_ns=0
                    )
                    assert digest == digest_of(held)
            pack = writer.finish(manifest_of(), fsync=False)
        with PackFile(pack.path) as read:
            assert read.manifest == pack.manifest
            assert len(read.manifest.blobs) == len(set(project.values()))
            for held in project.values():
                assert read.blob(digest_of(held)) == held
                assert b"".join(read.stream(digest_of(held))) == held


@given(projects, st.data())
@settings(deadline=None, max_examples=100)
def test_a_mutated_pack_never_lies(
    project: dict[bytes, bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        pack = pack_of(Path(directory), project)
        pack.path.write_bytes(mutated(pack.path.read_bytes(), data))

        try:
            with PackFile(pack.path) as read:
                for held in project.values():
                    assert read.blob(digest_of(held)) == held
                    assert b"".join(read.stream(digest_of(held))) == held
        except IntegrityError:
            pass


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_noise_is_never_anything_but_damage(raw: bytes) -> None:
    footer = Footer(len(raw), 0, digest_of(b""))

    for read in (
        lambda: read_footer(raw),
        lambda: read_manifest(raw, footer),
        lambda: manifest_from_head(b"\x28\xb5\x2f\xfd" + raw),
        lambda: decode_manifest(raw),
    ):
        with contextlib.suppress(PackDamaged):
            assert read() is None


@given(paths, st.integers(0, 2**50), modes, st.integers(-(2**62), 2**62))
@settings(deadline=None, max_examples=500)
def test_a_header_is_what_tarfile_would_write(
    path: bytes, size_bytes: int, mode: int, mtime_ns: int
) -> None:
    raw = member.header(path, size_bytes, mode=mode, mtime_ns=mtime_ns)

    told = tarfile.TarInfo(path.decode("utf-8", "surrogateescape"))
    told.size, told.mode, told.mtime = size_bytes, mode, mtime_ns // 10**9
    assert raw == told.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


@given(st.integers(0, 2**27), st.integers(0, 2**62), digests)
def test_a_footer_comes_back(length: int, data_length: int, digest: bytes) -> None:
    footer = Footer(length, data_length, digest_of(digest))

    assert read_footer(encode_footer(footer)) == footer


@given(st.integers(0, 10**10 - 1), st.integers(0, 9), st.uuids(), st.text(max_size=5))
def test_a_key_comes_back(seq: int, level: int, pack: uuid.UUID, prefix: str) -> None:
    assume("v1/" not in prefix)
    name = PackName("main", SessionId("shop"), seq, level, pack)

    assert parse_pack_key(pack_key(name, prefix), prefix) == name
