import datetime
import errno
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from expokeep.errors import NoSpace
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.spool.spool import (
    Note,
    Spool,
    SpooledPack,
    SpoolEntry,
    SpoolFailing,
)

NOW = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)
SHOP = SessionId("shop")


def opened(path: Path) -> Spool:
    spool = Spool(path)
    spool.open()
    return spool


def sealed(spool: Spool, *, at: datetime.datetime = NOW) -> SpoolEntry:
    pack = SpooledPack(uuid.uuid4(), "pack", "key", "incr", 0, 5, digest_of(b"bytes"))
    note = Note(
        session=SHOP,
        device=1,
        inode=2,
        birth_ns=3,
        root_uid=1000,
        root_gid=1000,
        root_mode=0o755,
        parent_pack=None,
        taken_at=at,
        trigger="auto",
        packs=(pack,),
        reused=(digest_of(b"elsewhere"),),
        message="a ✓ message",
    )
    with spool.draft(SHOP, pack.id) as draft:
        (draft / "pack").write_bytes(b"bytes")
        return spool.seal(draft, note)


def test_what_was_sealed_is_there_after_a_restart(tmp_path):
    entry = sealed(opened(tmp_path))

    found = opened(tmp_path).pending(SHOP)

    assert found == [entry]
    assert found[0].path_of(entry.note.packs[0]).read_bytes() == b"bytes"


def test_every_directory_above_a_new_entry_is_written_to_the_disk(
    tmp_path, monkeypatch
):
    synced, fsync = set(), os.fsync

    def noted(descriptor):
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    sealed(opened(tmp_path))

    assert {tmp_path, tmp_path / SHOP} <= synced


def test_what_was_not_sealed_is_thrown_away(tmp_path):
    spool = opened(tmp_path)
    with spool.draft(SHOP, uuid.uuid4()) as draft:
        (draft / "pack").write_bytes(b"half")
        killed = tmp_path / SHOP / "draft-of-a-killed-process"
        draft.rename(killed)

    again = opened(tmp_path)

    assert again.pending(SHOP) == []
    assert not killed.exists()


def test_entries_keep_their_order_over_restarts(tmp_path):
    entries = [sealed(opened(tmp_path)) for _ in range(12)]

    assert [entry.pack for entry in opened(tmp_path).pending(SHOP)] == [
        entry.pack for entry in entries
    ]


def test_a_dropped_entry_is_gone_after_a_restart(tmp_path):
    spool = opened(tmp_path)
    entry = sealed(spool)

    spool.drop(entry)

    assert spool.pending(SHOP) == []
    assert opened(tmp_path).sessions() == []


def test_an_entry_whose_pack_was_cut_is_reported_and_left_where_it_is(tmp_path, caplog):
    entry = sealed(opened(tmp_path))
    (entry.directory / "pack").write_bytes(b"byt")

    again = opened(tmp_path)

    assert again.pending(SHOP) == []
    assert entry.directory.exists()


def test_the_backlog_counts_bytes_and_knows_the_oldest(tmp_path):
    spool = opened(tmp_path)
    sealed(spool, at=NOW + datetime.timedelta(minutes=5))
    sealed(spool, at=NOW)

    backlog = spool.backlog()

    assert (backlog.entries, backlog.size_bytes, backlog.oldest_at) == (2, 10, NOW)


def test_a_full_disk_is_said_to_be_one(tmp_path):
    spool = opened(tmp_path)

    with pytest.raises(NoSpace), spool.draft(SHOP, uuid.uuid4()):
        raise OSError(28, "No space left on device")


def test_a_note_keeps_what_it_was_told(tmp_path):
    entry = sealed(opened(tmp_path))

    (found,) = opened(tmp_path).pending(SHOP)

    assert found.note == replace(entry.note)


# --- folding ----------------------------------------------------------------------


def fold(spool: Spool, olds: list[SpoolEntry]) -> SpoolEntry:
    newest = olds[-1]
    note = replace(newest.note, folds=tuple(old.pack for old in olds))
    with spool.draft(SHOP, newest.pack) as draft:
        (draft / "pack").write_bytes(b"bytes")
        spool.seal_fold(draft, note, olds)
    return next(one for one in spool.pending(SHOP) if one.pack == newest.pack)


def test_a_fold_stands_where_the_newest_of_what_it_tells_stood(tmp_path):
    spool = opened(tmp_path)
    first, old, newest, last = (sealed(spool) for _ in range(4))

    made = fold(spool, [old, newest])

    assert spool.pending(SHOP) == [first, made, last]
    assert sealed(spool).number == last.number + 1


@pytest.mark.parametrize("dropped", [0, 1, 2, 3])
def test_killed_after_any_step_of_a_fold_only_the_fold_is_found(tmp_path, dropped):
    spool = opened(tmp_path)
    first, *olds = (sealed(spool) for _ in range(4))
    made = fold(spool, olds)
    for old in olds[:dropped]:
        spool.drop(old)

    found = opened(tmp_path).pending(SHOP)

    assert found == [first, made]
    assert len(list((tmp_path / SHOP).iterdir())) == 2


def test_a_fold_is_folded_again_and_again(tmp_path):
    spool = opened(tmp_path)
    first, second = sealed(spool), sealed(spool)
    once = fold(spool, [second])
    again = fold(spool, [first, once])

    assert opened(tmp_path).pending(SHOP) == [again]
    assert again.pack == second.pack


def test_a_fold_that_was_cut_leaves_what_it_was_made_of(tmp_path):
    spool = opened(tmp_path)
    olds = [sealed(spool), sealed(spool)]
    made = fold(spool, olds)
    (made.directory / "pack").write_bytes(b"byt")

    assert opened(tmp_path).pending(SHOP) == olds


def test_what_somebody_holds_nobody_else_gets(tmp_path):
    spool = opened(tmp_path)
    one, other = sealed(spool), sealed(spool)

    with spool.held([one]) as ours:
        with spool.held([one, other]) as both, spool.held([other]) as free:
            assert (ours, both, free) == (True, False, True)
        with spool.held([one]) as again:
            assert not again
    with spool.held([one, other]) as later:
        assert later


def test_what_was_recorded_can_be_held_no_more(tmp_path):
    spool = opened(tmp_path)
    entry = sealed(spool)
    spool.drop(entry)

    with spool.held([entry]) as ours:
        assert not ours


# --- disks that fail --------------------------------------------------------------


class Failing:
    """`os.fsync`, of which some calls fail once."""

    def __init__(self, *numbers: int) -> None:
        self.numbers, self.count, self.fsync = set(numbers), 0, os.fsync

    def __call__(self, descriptor: int) -> None:
        self.count += 1
        if self.count in self.numbers:
            raise OSError(errno.EIO, "Input/output error")
        self.fsync(descriptor)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_no_flush_that_failed_makes_an_entry(tmp_path, monkeypatch, number):
    spool = opened(tmp_path)
    failing = Failing(number)
    monkeypatch.setattr(os, "fsync", failing)

    with pytest.raises(SpoolFailing, match="Input/output error"):
        sealed(spool)

    assert spool.pending(SHOP) == []
    assert list(tmp_path.glob("*/*")) == []
    count = failing.count
    made = sealed(spool)
    # Anew, from the first flush on: a directory that is not on disk is made again.
    assert failing.count - count == (4 if number == 1 else 3)
    assert opened(tmp_path).pending(SHOP) == [made]


def test_an_entry_that_cannot_be_dropped_is_still_there(tmp_path, monkeypatch):
    spool = opened(tmp_path)
    entry = sealed(spool)

    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(OSError, match="Read-only"):
            spool.drop(entry)
    assert spool.pending(SHOP) == [entry]

    spool.drop(entry)
    assert opened(tmp_path).pending(SHOP) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EMFILE])
def test_a_disk_that_fails_is_said_to_be_one(tmp_path, number):
    spool = opened(tmp_path)

    with pytest.raises(SpoolFailing), spool.draft(SHOP, uuid.uuid4()):
        raise OSError(number, os.strerror(number))
