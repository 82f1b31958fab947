"""Which files were moved and edited at once."""

from expokeep.history.renames import MAX_PAIRS, MAX_TOTAL_BYTES, alike, candidates


def text(*lines):
    return "".join(f"{line} and what stands behind it\n" for line in lines).encode()


def test_half_of_the_larger_one_must_be_in_both():
    old = {b"a": text(1, 2, 3, 4)}

    assert alike(old, {b"b": text(1, 2, 5, 6)}) == {b"b": b"a"}
    assert alike(old, {b"b": text(1, 7, 5, 6)}) == {}
    assert alike(old, {b"b": text(*range(1, 10))}) == {}


def test_the_most_alike_are_taken_first_and_each_once():
    old = {b"a": text(1, 2, 3, 4)}
    new = {b"b": text(1, 2, 3, 9), b"c": text(1, 2, 8, 9), b"d": text(1, 2, 3, 4, 5)}

    assert alike(old, new) == {b"d": b"a"}


def test_of_two_that_are_equally_alike_the_same_name_decides():
    old = {b"x/one": text(1, 2, 3), b"x/two": text(1, 2, 4)}
    new = {b"y/two": text(1, 2, 5), b"y/one": text(1, 2, 6)}

    assert alike(old, new) == {b"y/one": b"x/one", b"y/two": b"x/two"}


def test_an_empty_file_is_like_nothing():
    assert candidates({b"a": 0}, {b"b": 0}) == (frozenset(), frozenset())
    assert alike({b"a": b""}, {b"b": b""}) == {}


def test_bytes_that_are_no_text_are_compared_as_they_are():
    noise, other = bytes(range(256)) * 4, bytes(range(255, -1, -1)) * 4

    assert alike({b"a.bin": noise}, {b"b.bin": noise + b"\n"}) == {b"b.bin": b"a.bin"}
    assert alike({b"a.bin": noise}, {b"b.bin": other}) == {}


def test_where_there_is_too_much_to_compare_nothing_is():
    many = {b"%d.js" % number: 100 for number in range(int(MAX_PAIRS**0.5) + 1)}
    large = {b"%d.js" % number: 1 << 20 for number in range(MAX_TOTAL_BYTES >> 20)}

    assert candidates(many, many) == (frozenset(), frozenset())
    assert candidates(large, large) == (frozenset(), frozenset())
    assert candidates({b"a.js": 100}, many) == (frozenset({b"a.js"}), frozenset(many))
