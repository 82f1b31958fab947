"""All trees of a chain in one pass, against the slow way to the same."""

import datetime
import uuid

from hypothesis import given
from hypothesis import strategies as st

from expokeep.catalog.evidence import EpochRow, SessionRows, Span, VersionRow
from expokeep.check.chains import Growing, faults
from expokeep.check.mending import spans_of, tree_at
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import (
    Directory,
    File,
    Link,
    file_count,
    size_bytes,
    tree_digest,
)

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
SHOP = SessionId("shop")
ENTRIES = st.one_of(
    st.binary(max_size=2).map(lambda held: File(digest_of(held), len(held))),
    st.binary(min_size=1, max_size=1).map(Link),
    st.sampled_from([0o755, 0o700]).map(Directory),
)
TREES = st.dictionaries(st.sampled_from([b"a", b"a/b", b"b", b"c", b"d"]), ENTRIES)
HISTORIES = st.lists(TREES, min_size=1, max_size=6)


def rows_of(history, **more):
    """Return a session whose only epoch has these trees, every second number."""
    trees = {2 * number: tree for number, tree in enumerate(history, 1)}
    versions = [
        VersionRow(
            seq=seq,
            epoch=1,
            parent=None,
            taken_at=NOON,
            tree=tree_digest(tree),
            file_count=file_count(tree),
            size_bytes=size_bytes(tree),
            parked=None,
            pack=uuid.UUID(int=seq),
            teller=uuid.UUID(int=seq),
            teller_state="live",
        )
        for seq, tree in trees.items()
    ]
    last = versions[-1]
    told = {
        "session": SHOP,
        "head_seq": last.seq,
        "last_seq": last.seq,
        "versions": versions,
        "epochs": [EpochRow(1, last.seq, last.pack)],
        "spans": {1: spans_of(trees)},
    }
    return trees, SessionRows(**{**told, **more})


@given(HISTORIES)
def test_a_history_that_is_whole_has_no_faults(history):
    trees, rows = rows_of(history)

    assert list(faults(rows)) == []
    for seq, tree in trees.items():
        assert tree_at(rows.spans[1], seq) == tree


@given(HISTORIES, st.data())
def test_an_entry_that_is_gone_is_missed_by_its_versions_and_no_others(history, data):
    trees, rows = rows_of(history)
    spans = list(rows.spans[1])
    if not spans:
        return
    gone = data.draw(st.sampled_from(spans))
    spans.remove(gone)
    wrong = {
        seq
        for seq in trees
        if gone.first_seq <= seq and (gone.end_seq is None or seq < gone.end_seq)
    }

    found = list(faults(rows_of(history, spans={1: spans})[1]))

    assert {seq for one in found for seq in one.affected.get(SHOP, ())} == wrong
    assert {one.kind for one in found} <= {"wrong-tree", "no-files"}


@given(HISTORIES)
def test_a_growing_tree_is_the_tree_at_each_version(history):
    trees, rows = rows_of(history)
    growing = Growing(rows.spans[1])

    for seq, tree in trees.items():
        growing.advance(seq)

        assert growing.digest == tree_digest(tree)
        assert growing.file_count == file_count(tree)
        assert growing.size_bytes == size_bytes(tree)


def test_two_entries_at_once_are_wrong_only_as_long_as_there_are_two():
    history = [{b"a": Link(b"x")}] * 3
    twice = [Span(b"a", 2, None, Link(b"x")), Span(b"a", 4, 6, Link(b"x"))]

    (finding,) = faults(rows_of(history, spans={1: twice})[1])

    assert (finding.kind, finding.affected) == ("wrong-tree", {SHOP: (4,)})
