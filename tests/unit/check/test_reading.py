"""Packs of the real writer, and every way in which a byte of them can be wrong."""

import os
import random
from dataclasses import replace

import pytest

from expokeep.catalog.evidence import PackRow
from expokeep.check import object_reader
from expokeep.check.reading import manifest_of, places_in, read_pack
from expokeep.model.digest import Digest, digest_of
from expokeep.pack.reader import PackFile
from expokeep.store.memory import MemoryStore
from packing import PACK, pack_of

KEY = "v1/main/shop-42/1"
CHANCE = random.Random(1)
SMALL = {b"a.js": b"// a\n" * 30, b"b.js": b"// b\n" * 30, b"c.png": os.urandom(3000)}


class Counting(MemoryStore):
    """Notes which bytes were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int]] = []

    def get(self, key, start, length):
        self.asked.append((start, length))
        return super().get(key, start, length)


class Kept:
    """A pack in a store, and the row that tells of it."""

    def __init__(self, directory, contents):
        self.finished = pack_of(directory, contents)
        self.contents = self.finished.path.read_bytes()
        with PackFile(self.finished.path) as file:
            self.places = places_in(file.manifest, KEY)

    def read(self, contents=None, places=None):
        """Read it as a check does, with other bytes or other rows if need be."""
        contents = self.contents if contents is None else contents
        self.store = Counting()
        self.store._objects[KEY] = contents
        row = PackRow(
            id=PACK,
            key=KEY,
            session="shop-42",
            kind="base",
            level=0,
            size_bytes=len(self.contents),
            state="live",
            age_s=0.0,
            is_named=True,
            is_counted_on=True,
            tells=True,
            is_doubted=False,
        )
        wanted = self.places if places is None else places
        return read_pack(self.store, row, len(contents), wanted)


@pytest.fixture
def small(tmp_path):
    return Kept(tmp_path, SMALL)


def is_well(report):
    return not (report.faults or report.damaged or report.misplaced)


def test_a_pack_that_is_whole(small):
    report = small.read()

    assert is_well(report)
    assert report.good == {digest_of(held) for held in SMALL.values()}
    assert report.read_bytes == len(small.contents)
    assert len(small.store.asked) == 1


def test_no_byte_can_do_harm_unnoticed(small):
    unnoticed = []
    for at in range(len(small.contents)):
        wrong = bytearray(small.contents)
        wrong[at] ^= 1 << CHANCE.randrange(8)
        if is_well(small.read(bytes(wrong))):
            unnoticed.append(at)
            # Bits that no decoder looks at: what comes out is proved all the same.
            path = small.finished.path.with_name("other")
            path.write_bytes(wrong)
            with PackFile(path) as file:
                held = {file.blob(place.digest) for place in small.places}
            assert held == set(SMALL.values())

    assert len(unnoticed) < len(small.contents) // 50


@pytest.mark.parametrize("length", [0, 1, 71, 100, 2000])
def test_a_pack_that_is_cut(small, length):
    report = small.read(small.contents[:length])

    assert report.faults
    assert set(report.damaged) | report.good == {place.digest for place in small.places}


def test_where_pack_and_catalog_disagree_the_row_lies(small):
    first, *others = small.places
    lies = replace(first, offset=first.offset + 1)

    report = small.read(places=[lies, *others])

    assert report.misplaced == {first.digest: first}
    assert not report.damaged


def test_contents_that_a_pack_does_not_hold(small):
    first = small.places[0]
    stranger = replace(first, digest=Digest(bytes(32)))

    report = small.read(places=[stranger])

    assert list(report.damaged) == [stranger.digest]


def test_without_a_manifest_the_catalog_says_what_there_is_to_prove(small):
    wrong = bytearray(small.contents)
    wrong[20] ^= 0xFF

    report = small.read(bytes(wrong))

    assert report.manifest is None
    assert report.good == {place.digest for place in small.places}
    assert manifest_of(small.store, report.pack) is None


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Contents that are read in pieces: of a frame of 20 MiB, and many smaller ones."""
    contents = {b"%d.bin" % n: os.urandom(3 << 20) for n in range(5)}
    return Kept(tmp_path_factory.mktemp("large"), contents)


def test_of_a_large_pack_each_byte_is_fetched_once_and_few_are_held(large):
    report = large.read()

    assert is_well(report)
    assert report.read_bytes <= len(large.contents) + object_reader.TAIL_BYTES
    most = max(length for _, length in large.store.asked)
    assert most <= object_reader.WINDOW_BYTES + (4 << 20)
    asked = sorted(large.store.asked)
    ends = [start + length for start, length in asked]
    assert all(
        begin >= end
        for (begin, _), end in zip(asked[1:], ends, strict=False)
        if begin < len(large.contents) - object_reader.TAIL_BYTES
    )


@pytest.mark.parametrize("part", [0.3, 0.6, 0.97])
def test_a_flipped_bit_in_a_large_pack_harms_one_of_its_contents(large, part):
    wrong = bytearray(large.contents)
    wrong[int(len(wrong) * part)] ^= 1

    report = large.read(bytes(wrong))

    assert len(report.damaged) == 1
    assert len(report.good) == 4
    assert report.faults == ()
