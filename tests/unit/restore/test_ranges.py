import uuid

from expokeep.catalog.values import Place
from expokeep.model.digest import digest_of
from expokeep.restore.ranges import UNFOLDED_BYTES, coalesced, pieces

PACK = uuid.UUID(int=1)


def place(
    start: int, length: int, key: str = "k", name: bytes = b"", raw: int = 1024
) -> Place:
    digest = digest_of(b"%d %b" % (start, name))
    return Place(digest, 1, PACK, key, start, length, raw, 512)


def spans(places, **limits):
    return [(one.key, one.start, one.length) for one in coalesced(places, **limits)]


def test_frames_that_lie_close_together_are_fetched_in_one_go():
    assert spans([place(0, 100), place(150, 100)], gap=64) == [("k", 0, 250)]


def test_a_wide_gap_is_skipped():
    assert spans([place(0, 100), place(200, 100)], gap=64) == [
        ("k", 0, 100),
        ("k", 200, 100),
    ]


def test_a_range_does_not_grow_without_bound():
    found = spans([place(start, 100) for start in range(0, 500, 100)], most=250)

    assert found == [("k", 0, 200), ("k", 200, 200), ("k", 400, 100)]


def test_objects_are_never_mixed():
    assert spans([place(0, 10, "b"), place(10, 10, "a")]) == [
        ("a", 10, 10),
        ("b", 0, 10),
    ]


def test_contents_of_one_frame_share_its_range():
    (found,) = coalesced([place(0, 100, name=b"x"), place(0, 100, name=b"y")])

    assert found.length == 100
    assert len(found.places) == 2


def test_a_large_frame_is_streamed_in_pieces_that_cover_it():
    (whole,) = coalesced([place(7, 10_000_000)])

    cut = pieces(whole, most=4_000_000)

    assert whole.is_streamed
    assert cut == [(7, 4_000_000), (4_000_007, 4_000_000), (8_000_007, 2_000_000)]


def test_what_a_range_unfolds_to_has_a_bound():
    # A few hundred bytes of a pack may hold megabytes of nothing.
    half = UNFOLDED_BYTES // 2

    found = spans([place(start, 100, raw=half) for start in range(0, 500, 100)])

    assert found == [("k", 0, 200), ("k", 200, 200), ("k", 400, 100)]


def test_a_frame_that_holds_too_much_is_streamed_however_short_it_is():
    raw = UNFOLDED_BYTES + 512
    places = [place(0, 100), place(100, 100, raw=raw), place(200, 100)]

    before, large, after = coalesced(places)

    assert [one.is_streamed for one in (before, large, after)] == [False, True, False]


def test_contents_in_one_frame_that_holds_too_much_are_streamed_one_by_one():
    raw = UNFOLDED_BYTES + 512

    found = coalesced([place(0, 100, name=name, raw=raw) for name in (b"a", b"b")])

    assert [len(one.places) for one in found] == [1, 1]
