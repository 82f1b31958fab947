"""Whatever happened to a project while its snapshots waited, a fold tells its end."""

import datetime
import uuid
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from expokeep.model.digest import Digest, digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import File, Tree, diff, files_in, patch, tree_digest
from expokeep.pack.format import BlobSpan, FrameSpan, Manifest, SnapRecord
from expokeep.snapshot import folding
from expokeep.snapshot.folding import Waiting
from expokeep.spool.entry import Note, SpooledPack, SpoolEntry, entry_name

AT = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)
SHOP = SessionId("shop")
NAMES = st.sampled_from([b"a", b"b", b"c", b"d"])
FILES = st.integers(0, 5).map(lambda n: File(digest_of(bytes([n])), 1))
TREES = st.dictionaries(NAMES, FILES)
STEPS = st.lists(st.tuples(TREES, st.booleans(), st.booleans()), min_size=2, max_size=8)
"""States; whether a snapshot tells all of it; whether its contents were known."""


def waiting(base: Tree, steps: list[tuple[Tree, bool, bool]]) -> list[Waiting]:
    """Return snapshots as they are sealed one after the other."""
    found, before, parent = [], base, uuid.UUID(int=1)
    for number, (tree, is_full, is_known) in enumerate(steps, start=1):
        delta = diff({} if is_full else before, tree)
        named = {entry.digest for _, entry in files_in(delta.set)}
        pack = uuid.UUID(int=number + 1)
        note = Note(
            session=SHOP,
            device=1,
            inode=2,
            birth_ns=3,
            root_uid=0,
            root_gid=0,
            root_mode=0o755,
            parent_pack=None if is_full else parent,
            taken_at=AT,
            trigger="auto",
            packs=(SpooledPack(pack, "p", "k", "incr", 0, 9000, Digest(bytes(32))),),
            reused=tuple(sorted(named)) if is_known else (),
            is_edited=bool(number % 2),
        )
        snap = SnapRecord(
            seq=number,
            parent=None,
            at=AT,
            full=is_full,
            tree=tree_digest(tree),
            file_count=len(tree),
            size_bytes=len(tree),
            delta=delta,
        )
        manifest = Manifest(
            pack, "incr", 0, "main", SHOP, 1, AT, (snap,), **held(named, is_known)
        )
        entry = SpoolEntry(Path(entry_name(number, pack)), number, note)
        found.append(Waiting(entry, (manifest,)))
        before, parent = tree, pack
    return found


def held(named: set[Digest], is_known: bool) -> dict[str, tuple[object, ...]]:
    if is_known or not named:
        return {}
    spans = [BlobSpan(one, 0, 512 + 1024 * n, 1) for n, one in enumerate(sorted(named))]
    return {"frames": (FrameSpan(0, 9, 1024 * len(spans)),), "blobs": tuple(spans)}


@given(base=TREES, steps=STEPS)
def test_a_fold_leads_from_where_its_first_began_to_where_its_last_ended(base, steps):
    run = waiting(base, steps)

    fold = folding.folded(run)

    start = {} if fold.snap.full else base
    assert patch(start, fold.snap.delta) == steps[-1][0]
    assert fold.snap.tree == tree_digest(steps[-1][0])
    assert not (fold.snap.full and fold.snap.delta.gone)
    assert (fold.note.parent_pack is None) == fold.snap.full
    assert set(fold.note.folds) == {one.entry.pack for one in run}


@given(base=TREES, steps=STEPS, middle=st.integers(0, 6))
def test_a_fold_leads_to_its_end_from_every_state_that_it_tells(base, steps, middle):
    fold = folding.folded(waiting(base, steps))
    state = steps[min(middle, len(steps) - 1)][0]

    start = {} if fold.snap.full else state
    assert tree_digest(patch(start, fold.snap.delta)) == fold.snap.tree


@given(base=TREES, steps=STEPS)
def test_all_that_a_fold_names_is_in_it_or_was_known_elsewhere(base, steps):
    run = waiting(base, steps)

    fold = folding.folded(run)

    named = {entry.digest for _, entry in files_in(fold.snap.delta.set)}
    known = {digest for one in run for digest in one.note.reused}
    assert fold.contents.keys() | set(fold.note.reused) == named
    assert not fold.contents.keys() & set(fold.note.reused)
    assert set(fold.note.reused) <= known


def test_nothing_is_folded_across_a_change_of_owner():
    one, other, third = waiting({}, [({}, True, True)] + [({}, False, True)] * 2)
    every = [
        replace(each, entry=replace(each.entry, note=replace(each.note, fence=fence)))
        for each, fence in zip((one, other, third), (5, 5, 6), strict=True)
    ]

    assert folding.runs(every, hard=True) == [every[:2]]


@given(base=TREES, steps=STEPS, data=st.data())
def test_no_run_holds_what_is_not_to_be_folded(base, steps, data):
    every = waiting(base, steps)
    number = data.draw(st.integers(0, len(every) - 1))
    one = every[number]
    note = replace(one.note, loss="it lost 9 of 10 files")
    every[number] = replace(one, entry=replace(one.entry, note=note))

    for hard in (False, True):
        runs = folding.runs(every, hard=hard)
        assert every[number] not in [part for run in runs for part in run]
        assert all(
            every.index(run[-1]) < number or every.index(run[0]) > number
            for run in runs
        )
