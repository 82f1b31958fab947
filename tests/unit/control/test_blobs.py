import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expokeep.control.blobs import decoded, encoded
from expokeep.errors import IntegrityError
from expokeep.model.digest import Digest, digest_of

contents = st.lists(st.lists(st.binary(max_size=200), max_size=4), max_size=6)


def blob(*chunks):
    whole = b"".join(chunks)
    return digest_of(whole), len(whole), chunks


def read(stream):
    return [
        (digest, size_bytes, b"".join(chunks))
        for digest, size_bytes, chunks in decoded(stream)
    ]


def cut_every(data, size_bytes):
    return [data[at : at + size_bytes] for at in range(0, len(data), size_bytes)]


@given(contents, st.integers(1, 97))
def test_what_was_encoded_is_decoded_wherever_it_is_cut(files, size_bytes):
    stream = b"".join(encoded(blob(*chunks) for chunks in files))

    assert read(cut_every(stream, size_bytes)) == [
        (*blob(*chunks)[:2], b"".join(chunks)) for chunks in files
    ]


def test_the_stream_is_what_the_contract_says():
    stream = b"".join(encoded([blob(b"hello")]))

    assert stream == (
        hashlib.sha256(b"hello").digest()
        + (5).to_bytes(8, "big")
        + b"hello"
        + bytes(32)
        + bytes(8)
    )


def test_small_files_are_gathered_into_large_parts():
    parts = list(encoded(blob(b"x" * 1000) for _ in range(5000)))

    assert [len(part) >> 20 for part in parts[:-1]] == [1] * (len(parts) - 1)


def test_a_large_chunk_is_passed_on_without_a_copy():
    chunk = memoryview(bytes(1 << 20))

    assert any(part is chunk for part in encoded([blob(chunk)]))


def test_nothing_is_asked_for_before_it_is_needed():
    asked = []

    def files():
        for number in range(10):
            asked.append(number)
            yield blob(bytes(1 << 20))

    next(encoded(files()))

    assert asked == [0]


def test_closing_the_stream_closes_where_it_comes_from():
    closed = []

    def files():
        try:
            yield blob(bytes(1 << 20))
        finally:
            closed.append(True)

    stream = encoded(files())
    next(stream)
    stream.close()

    assert closed == [True]


@pytest.mark.parametrize("stated", [4, 6])
def test_contents_of_another_size_than_stated_are_refused(stated):
    with pytest.raises(IntegrityError, match="another size"):
        list(encoded([(digest_of(b"hello"), stated, [b"hello"])]))


@given(st.data())
def test_a_stream_that_ends_early_is_refused(data):
    stream = b"".join(encoded([blob(b"hello"), blob(b"world")]))
    length = data.draw(st.integers(0, len(stream) - 1))

    with pytest.raises(IntegrityError, match="cut short"):
        read([stream[:length]])


def test_a_stream_that_goes_on_is_refused():
    with pytest.raises(IntegrityError, match="goes on"):
        read([*encoded([]), b"", b"x"])


def test_contents_that_nobody_reads_are_skipped():
    stream = list(encoded([blob(b"hello", b"hello"), blob(b"world")]))

    digests = []
    for digest, _, chunks in decoded(stream):
        digests.append(digest)
        next(chunks)
        chunks.close()

    assert digests == [digest_of(b"hellohello"), digest_of(b"world")]


def test_an_enormous_size_is_believed_only_as_far_as_bytes_come():
    header = Digest(bytes([1] * 32)) + (2**63).to_bytes(8, "big")

    with pytest.raises(IntegrityError, match="cut short"):
        read([header, b"abc"])
