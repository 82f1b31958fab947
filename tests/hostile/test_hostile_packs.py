"""Whoever can write the bucket forges packs: nothing is believed that is not proved."""

import hashlib
import json
import struct

import pytest

from expokeep.errors import ExpokeepError, IntegrityError, NotFound
from expokeep.pack import zstd
from expokeep.pack.format import MAX_ENTRIES, MAX_FRAME_BYTES, PackDamaged
from expokeep.pack.manifest import decode_manifest
from hostile.forging import (
    Forgery,
    bomb,
    directory_row,
    file_row,
    frame,
    lying,
    named,
    put,
    tar_member,
)
from hostile.restoring import Bucket
from measuring import at_most

A, B = b"App.js", b"Bpp.js"
MEMBER = tar_member(A, b"1")
RAW = len(MEMBER)
GIB = 1 << 30
OURS = [named(b"1"), 0, 512, 1]


def refused(bucket: Bucket, *forgeries: Forgery, version: str = "shop") -> str:
    bucket.put(*forgeries)
    with pytest.raises(IntegrityError) as error:
        bucket.restore(version)

    assert error.value.exit_code == 15
    assert not bucket.left()
    return str(error.value)


def at_frame(compressed: bytes, held: int = RAW, blob=OURS) -> Forgery:
    return Forgery(frames=[(compressed, held)], blobs=[blob])


@pytest.fixture(scope="module")
def four_gib() -> bytes:
    return bomb(4 * GIB)


SKIPPABLE = struct.pack("<II", 0x184D2A50, 4) + b"skip"
FRAMES = {
    "other bytes": frame(MEMBER.replace(b"1" + bytes(511), b"2" + bytes(511))),
    "cut": frame(MEMBER)[:-5],
    "without its checksum": frame(MEMBER)[:-4],
    "longer": frame(MEMBER + bytes(512)),
    "with another behind it": frame(MEMBER) + frame(MEMBER),
    "behind one that holds nothing": SKIPPABLE + frame(MEMBER),
    "in another": frame(frame(MEMBER)),
    "no frame": b"\0" * 200,
    "that says that it is larger": lying(frame(MEMBER), 2**63),
    "that says that it is smaller": lying(frame(MEMBER), 10),
    "of an unknown length": zstd.streaming(3).compress(MEMBER)
    + zstd.streaming(3).flush(),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_what_the_manifest_says_or_damage(bucket, name):
    refused(bucket, at_frame(FRAMES[name]))


def wide_window() -> bytes:
    """Return a frame that wants a window of 2 GiB to unfold one block."""
    whole = frame(MEMBER)
    made = bytearray(lying(whole, RAW))
    made[5] = (31 - 10) << 3
    return bytes(made)


def test_a_frame_that_wants_all_of_the_memory_does_not_get_it(bucket):
    bucket.put(at_frame(wide_window()))

    # Where all of it is there at once, zstd needs no window at all.
    with at_most(64 << 20):
        bucket.restore("shop")


def test_a_bomb_is_stopped_at_the_size_that_it_claims(bucket, four_gib):
    with at_most(128 << 20):
        refused(bucket, at_frame(lying(four_gib, RAW)))
        refused(bucket, at_frame(four_gib, 4 * GIB))
        refused(bucket, at_frame(four_gib, MAX_FRAME_BYTES))


def test_many_short_frames_that_hold_much_are_not_in_memory_together(bucket):
    # 90 files of one byte, each before 16 MiB of nothing: 1.4 GiB in 200 KiB.
    contents = {b"f%03d" % number: b"%d" % number for number in range(90)}
    frames, blobs = [], []
    for number, (path, held) in enumerate(contents.items()):
        raw = tar_member(path, held)
        raw += bytes(MAX_FRAME_BYTES - len(raw))
        frames.append((frame(raw, 1), len(raw)))
        blobs.append([named(held), number, 512, len(held)])
    bucket.put(Forgery(contents=contents, frames=frames, blobs=blobs))

    with at_most(384 << 20):
        bucket.restore("shop@1")

    assert len(list(bucket.target.iterdir())) == 90


PLACES = {
    "before the frame": [named(b"1"), 0, -512, 1],
    "in the header": [named(b"1"), 0, 0, 1],
    "off its block": [named(b"1"), 0, 513, 1],
    "beyond the frame": [named(b"1"), 0, 1024, 1],
    "over the end": [named(b"1"), 0, 512, 513],
    "in no frame": [named(b"1"), 1, 512, 1],
    "in frame -1": [named(b"1"), -1, 512, 1],
    "of another size": [named(b"1"), 0, 512, 2],
    "of a negative size": [named(b"1"), 0, 512, -1],
    "of all sizes": [named(b"1"), 0, 512, 2**64],
}


@pytest.mark.parametrize("name", PLACES)
def test_contents_are_where_the_manifest_says_or_damage(bucket, name):
    refused(bucket, at_frame(frame(MEMBER), blob=PLACES[name]))


SPANS = {
    "beyond the pack": [0, 10**9, RAW],
    "before the data": [-100, 100, RAW],
    "with a gap": [7, 100, RAW],
    "of no length": [0, 0, RAW],
    "of a negative length": [0, -5, RAW],
    "of no bytes": [0, len(frame(MEMBER)), 0],
    "of half a block": [0, len(frame(MEMBER)), RAW - 1],
    "of more than any": [0, len(frame(MEMBER)), 2**80],
    "longer than what it holds": [0, 100_000, 512],
}


@pytest.mark.parametrize("name", SPANS)
def test_frames_lie_in_the_pack_or_it_is_damage(bucket, name):
    def change(told):
        told["frames"] = [SPANS[name]]

    refused(bucket, Forgery(change=change))


def test_frames_that_overlap_are_damage(bucket):
    def change(told):
        (_, length, held), _ = told["frames"]
        told["frames"][1] = [length - 1, length, held]

    two = [(frame(MEMBER), RAW), (frame(tar_member(B, b"2")), RAW)]
    refused(
        bucket,
        Forgery(
            contents={A: b"1", B: b"2"},
            frames=two,
            blobs=[OURS, [named(b"2"), 1, 512, 1]],
            change=change,
        ),
    )


def test_a_thousand_files_in_one_enormous_frame_are_damage(bucket):
    # Each of them would cost the unfolding of all that is before it.
    contents = {b"f%04d" % number: b"%d" % number for number in range(1000)}
    blobs = [
        [named(held), 0, 512 + number * (64 << 20), len(held)]
        for number, held in enumerate(contents.values())
    ]
    refused(
        bucket,
        Forgery(contents=contents, frames=[(bomb(1 << 20), 64 * GIB)], blobs=blobs),
    )


def test_contents_of_two_files_that_were_swapped_are_damage(bucket):
    def change(told):
        one, other = told["blobs"]
        one[0], other[0] = other[0], one[0]

    refused(bucket, Forgery(contents={A: b"1", B: b"2"}, change=change))


def test_contents_that_no_pack_holds_are_missing(bucket):
    bucket.put(Forgery(rows=[file_row(b"gone", b"of these no pack knows")]))

    with pytest.raises(ExpokeepError) as error:
        bucket.restore("shop")

    # The version without them is parked, and says so.
    assert error.value.exit_code == 4
    assert not bucket.left()


WHOLES = {
    "empty": lambda _whole: b"",
    "short": lambda whole: whole[:50],
    "cut in the manifest": lambda whole: whole[:150],
    "of zeros": lambda whole: bytes(len(whole)),
    "of another kind": lambda whole: b"PK\x03\x04" + whole[4:],
    "with something before it": lambda whole: SKIPPABLE + whole,
    "without its data": lambda whole: whole[: whole.index(zstd.MAGIC, 4)],
}


@pytest.mark.parametrize("name", WHOLES)
def test_an_object_that_is_no_pack_is_damage(bucket, name):
    refused(bucket, Forgery(splice=WHOLES[name]))


def test_a_pack_is_read_as_its_manifest_says_whatever_else_is_in_the_tar(bucket):
    """The members of the tar are for people: names, types and order prove nothing."""
    held = b"1"
    raw = b"".join(
        [
            tar_member(b"../../evil", b"evil", type=b"0"),
            tar_member(b"evil-link", b"", type=b"2", linkname="/etc"),
            tar_member(
                b"x", held, pax_headers={"path": "/etc/evil", "size": "9", "uid": "-1"}
            ),
        ]
    )
    start = len(raw) - 512
    bucket.put(
        Forgery(frames=[(frame(raw), len(raw))], blobs=[[named(held), 0, start, 1]])
    )

    bucket.restore("shop")

    assert [one.name for one in bucket.target.iterdir()] == ["App.js"]
    assert (bucket.target / "App.js").read_bytes() == held


def test_a_second_manifest_in_a_pack_is_never_looked_at(bucket):
    other = Forgery(seq=2, contents={b"evil": b"evil"})
    raw = json.dumps(other.told()[0]).encode()
    second = frame(tar_member(b".snap/manifest.json", raw))
    forgery = Forgery(splice=lambda whole: whole + second + whole[-72:])
    bucket.put(forgery)

    bucket.restore("shop")

    assert [one.name for one in bucket.target.iterdir()] == ["App.js"]


# --- versions ----------------------------------------------------------------------


def test_a_pack_of_another_session_is_not_believed(bucket):
    theirs = Forgery("theirs", contents={b"theirs": b"theirs"})
    ours = Forgery()
    bucket.put(ours)
    put(bucket.store, Forgery(seq=2, pack=theirs.pack).key, theirs.made())

    bucket.restore("shop")

    assert [one.name for one in bucket.target.iterdir()] == ["App.js"]


def test_an_older_pack_under_a_newer_key_is_the_older_version(bucket):
    old, new = Forgery(contents={A: b"1"}), Forgery(seq=2, contents={A: b"2"})
    put(bucket.store, old.key, old.made())
    put(bucket.store, new.key, old.made())

    bucket.restore("shop")

    # Told by its own number: nobody takes it for what it was put in the place of.
    assert (bucket.target / "App.js").read_bytes() == b"1"
    with pytest.raises(NotFound):
        bucket.restore("shop@2")


def test_a_delta_on_another_tree_than_it_was_made_for_never_is_the_newest(bucket):
    first = Forgery(contents={A: b"1", b"package.json": b"{}"})

    def change(told):
        (snap,) = told["snaps"]
        snap.update(full=False, parent=1, tree=hashlib.sha256(b"another").hexdigest())

    second = Forgery(seq=2, contents={B: b"evil"}, change=change)
    bucket.put(first, second)

    bucket.restore("shop")

    names = sorted(one.name for one in bucket.target.iterdir())
    assert names == ["App.js", "package.json"]


def test_numbers_of_many_digits_are_no_numbers(bucket):
    def change(told):
        (snap,) = told["snaps"]
        snap.update(seq=2**62, parent=2**62 - 1)
        told["epoch"] = 2**62

    bucket.put(Forgery(change=change))

    with pytest.raises(NotFound):
        bucket.restore("shop@999999999")
    bucket.restore("shop")


# --- how much there is -------------------------------------------------------------


def manifest_of(rows: bytes, gone: bytes = b"", frames: bytes = b"") -> bytes:
    told, _ = Forgery(contents={}, proves=False).told()
    raw = json.dumps(told, separators=(",", ":")).encode()
    return (
        raw.replace(b'"set":[]', b'"set":[' + rows + b"]")
        .replace(b'"del":[]', b'"del":[' + gone + b"]")
        .replace(b'"frames":[]', b'"frames":[' + frames + b"]")
    )


def many(row: bytes, count: int) -> bytes:
    return b",".join(row % number for number in range(count))


def test_a_manifest_of_too_many_entries_costs_little(bucket):
    most = MAX_ENTRIES + 1
    for raw in (
        manifest_of(b"", gone=many(b'"%07d"', most)),
        manifest_of(b"", frames=many(b"[%d,1,512]", most)),
        manifest_of(many(b'["%07d","d",0,0,0,""]', 2 * most)),
    ):
        with at_most(512 << 20), pytest.raises(PackDamaged, match="more"):
            decode_manifest(raw)


def test_a_manifest_that_unfolds_to_more_than_any_is_not_unfolded(bucket):
    head = bomb(GIB)

    with at_most(128 << 20):
        refused(bucket, Forgery(splice=lambda whole: head + whole))


def test_a_directory_for_every_name_is_a_tree_like_any_other(bucket):
    rows = [directory_row(b"d%05d" % number) for number in range(3000)]
    bucket.put(Forgery(rows=rows))

    bucket.restore("shop")

    assert len(list(bucket.target.iterdir())) == 3001
