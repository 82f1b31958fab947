"""What an early journal gives back: after a kill, and after steps of a snapshot."""

import errno
import os
import uuid
from pathlib import Path

import pytest

from expokeep.errors import NoSpace
from expokeep.model.names import SessionId
from expokeep.spool.early import Believed, FileTaken, Life, Moved, Scanned
from expokeep.spool.journal import Journal, Journals

LIFE = Life(SessionId("shop"), b"/tmp/expo-shop", 1, 2, 3, 1000, 1000, 0o755)
ONE, TWO, THREE = (uuid.UUID(int=number) for number in (1, 2, 3))


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    return Journals(tmp_path, fsync=False)


def taken(path: bytes, **more) -> FileTaken:
    return FileTaken(path, 0o644, 7, **more)


def paths(records) -> list[bytes]:
    return [told.record.path for told in records if hasattr(told.record, "path")]


def files_of(journal: Journal) -> list[Path]:
    return sorted(journal._directory.iterdir())


def test_records_and_contents_come_back_in_order(journals):
    journal = journals.of(LIFE)
    journal.append(taken(b"a"), b"contents of a")
    journal.append(Moved(b"a", b"b"))
    journal.append(taken(b"c"), b"")

    reading = journals.of(LIFE).read(None)

    records = [told.record for told in reading.fresh]
    assert records == [taken(b"a"), Moved(b"a", b"b"), taken(b"c")]
    contents = [told.stored.read() for told in reading.fresh]
    assert contents == [b"contents of a", b"", b""]


def test_where_nothing_happens_there_is_no_file(journals, tmp_path):
    journal = journals.of(LIFE)
    journal.rotate(ONE)
    journal.close()

    assert not journal
    assert not list(tmp_path.rglob("0*.early"))
    assert journals.left() == []


@pytest.mark.parametrize("lost_bytes", range(1, 43, 7))
def test_a_torn_end_hides_no_record_before_it(journals, lost_bytes):
    journal = journals.of(LIFE)
    journal.append(taken(b"a"), b"contents of a")
    journal.append(taken(b"b"), b"contents of b")
    journal.close()
    (file,) = files_of(journal)
    os.truncate(file, file.stat().st_size - lost_bytes)

    again = journals.of(LIFE)
    again.append(taken(b"c"), b"contents of c")

    assert paths(again.read(None).fresh) == [b"a", b"c"]


def test_damage_is_seen_and_ends_a_file(journals):
    journal = journals.of(LIFE)
    journal.append(taken(b"a"), b"contents of a")
    second = journal.append(taken(b"b"), b"contents of b")
    journal.close()
    with second.file.open("r+b") as file:
        file.seek(second.offset)
        file.write(b"C")

    assert paths(journals.of(LIFE).read(None).fresh) == [b"a"]


def test_what_there_was_no_room_for_leaves_no_half_record(journals, monkeypatch):
    journal = journals.of(LIFE)
    journal.append(taken(b"a"), b"contents of a")
    before_bytes = journal.size_bytes

    def full(fd, parts):
        os.write(fd, b"".join(parts)[:10])
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(NoSpace):
        journal.append(taken(b"b"), b"contents of b")
    monkeypatch.undo()
    journal.append(taken(b"c"), b"contents of c")

    assert before_bytes < journal.size_bytes
    assert paths(journals.of(LIFE).read(None).fresh) == [b"a", b"c"]


def test_a_snapshot_that_was_sealed_has_seen_what_is_older(journals):
    journal = journals.of(LIFE)
    journal.append(taken(b"before"), b"1")
    journal.rotate(None)
    journal.append(taken(b"while it looked"), b"2")
    journal.append(Scanned())
    journal.append(taken(b"after"), b"3")

    failed, sealed = journal.read(None), journal.read(ONE)

    assert paths(failed.fresh) == [b"before", b"while it looked", b"after"]
    assert (failed.known, failed.doubtful) == ([], [])
    assert paths(sealed.known) == [b"before"]
    assert paths(sealed.doubtful) == [b"while it looked"]
    assert paths(sealed.fresh) == [b"after"]


def test_only_what_the_newest_version_knows_is_known(journals):
    journal = journals.of(LIFE)
    journal.append(taken(b"a"), b"1")
    journal.rotate(ONE)  # sealed, and its older files were never dropped
    journal.append(taken(b"b"), b"2")
    journal.rotate(TWO)  # failed
    journal.append(taken(b"c"), b"3")

    reading = journal.read(TWO)

    assert (paths(reading.known), paths(reading.doubtful)) == ([b"a"], [b"b"])
    assert paths(reading.fresh) == [b"c"]


def test_an_index_that_is_lost_makes_everything_count(journals):
    journal = journals.of(LIFE)
    journal.append(taken(b"a"), b"1")
    journal.rotate(ONE)
    journal.append(taken(b"b"), b"2")

    assert paths(journal.read(None).fresh) == [b"a", b"b"]


def test_what_is_carried_over_stands_before_what_came_later(journals):
    journal = journals.of(LIFE)
    journal.append(taken(b"gone"), b"1")
    journal.append(taken(b"kept"), b"2")
    turn = journal.rotate(None)
    journal.append(Scanned())
    journal.append(taken(b"later"), b"3")

    (stored,) = journal.replace(turn, ONE, [(taken(b"gone", gone_at_s=5.0), b"1")])
    reading = journals.of(LIFE).read(ONE)

    assert stored.read() == b"1"
    assert reading.known == []
    assert paths(reading.doubtful) == [b"gone"]
    assert paths(reading.fresh) == [b"later"]


def test_a_snapshot_that_saw_everything_leaves_nothing(journals, tmp_path):
    journal = journals.of(LIFE)
    journal.append(taken(b"kept"), b"2")
    turn = journal.rotate(None)
    journal.replace(turn, ONE, [])

    assert not journal
    assert not list(tmp_path.rglob("0*.early"))


def test_lives_that_were_left_are_found_again(journals, tmp_path):
    journals.of(LIFE).append(Believed(ONE.bytes, 5.0, ()))
    damaged = tmp_path / ".early" / "other" / "1-2-3"
    damaged.mkdir(parents=True)
    (damaged / "0000000001.early").write_bytes(b"no journal")

    assert Journals(tmp_path, fsync=True).left() == [LIFE]


def test_a_journal_of_which_nothing_is_left_is_not_called_damaged(
    journals, tmp_path, capsys
):
    for name, files in (("1-2-3", ()), ("4-5-6", ("0000000001.early",))):
        empty = tmp_path / ".early" / "other" / name
        empty.mkdir(parents=True)
        for file in files:  # killed before its first record
            (empty / file).touch()

    assert journals.left() == []
    assert "cannot be read" not in capsys.readouterr().out
