"""Objects of facts: what goes in comes out, and nothing else is taken for it."""

import datetime
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expokeep.pack import zstd
from expokeep.pack.facts import Fact, decode_facts, encode_facts, facts_key
from expokeep.pack.format import PackDamaged

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


def a_fact(number: int = 1, **body: object) -> Fact:
    return Fact(
        id=number,
        at=NOON,
        kind="session",
        sid="shop",
        gone=False,
        body=msgspec.Raw(msgspec.json.encode({"owner": "alice", **body})),
    )


def test_what_goes_in_comes_out():
    facts = [a_fact(1), a_fact(2, words="a\nb \N{SNOWMAN}")]

    _, data = encode_facts(facts)

    assert [(one.id, bytes(one.body)) for one in decode_facts(data)] == [
        (one.id, bytes(one.body)) for one in facts
    ]


def test_equal_facts_have_equal_names_and_others_have_others():
    one, again, other = (encode_facts([a_fact(n)])[0] for n in (1, 1, 2))

    assert one == again != other
    assert (one.version, one.variant) == (7, uuid.RFC_4122)
    assert one.int >> 80 == int(NOON.timestamp() * 1000)
    assert facts_key(one, "x/") == f"x/_meta/facts/{one}.json.zst"


@given(where=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
def test_what_is_damaged_never_lies(where, bit, cut):
    facts = [a_fact(number) for number in range(20)]
    _, data = encode_facts(facts)
    where %= len(data)
    damaged = bytearray(data)
    damaged[where] ^= 1 << bit

    try:
        found = decode_facts(data[:where] if cut else bytes(damaged))
    except PackDamaged:
        return
    assert found == facts  # a bit of the frame's header that says nothing


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b'{"v":2,"holds":"facts","count":0}\n',
        b'{"v":1,"holds":"facts","count":3}\n',
        b'{"v":1,"holds":"more","count":0}\n',
        b'{"v":1,"holds":"facts","count":1}\n{"id":1}\n',
    ],
)
def test_what_is_none_is_refused(raw):
    with pytest.raises(PackDamaged):
        decode_facts(zstd.compressed(raw, 3))
