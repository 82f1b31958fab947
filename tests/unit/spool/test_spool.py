import datetime
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from expokeep.errors import NoSpace
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.spool.spool import Note, Spool, SpooledPack, SpoolEntry

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
