"""How much room the spool has, what is said of it, and who is tried again when."""

import os
from types import SimpleNamespace

import pytest

from expokeep.errors import NoSpace
from expokeep.model.names import SessionId
from expokeep.service import room as rooms
from expokeep.service.board import Line
from expokeep.service.room import Rooms
from expokeep.settings.values import Spool as Bounds
from expokeep.spool.entry import Backlog
from expokeep.spool.spool import SpoolFailing
from expokeep.watch.values import SessionDirectory

MIB = 1 << 20


class Disk:
    """A disk and a spool on it, as figures that a test sets."""

    def __init__(self, path, monkeypatch) -> None:
        self.free_bytes, self.free_inodes = 100 * MIB, 1000
        self.used_bytes, self.folds, self.emptied = 0, 0, 0
        self.tried: list[SessionDirectory] = []
        self.folded: list[str] = []
        self.lines = [line("one"), line("other")]
        spool = SimpleNamespace(
            backlog=lambda *_: Backlog(0, 0, None, self.used_bytes, self.folds),
            sessions=lambda: [SessionId("one")],
            pending=lambda _: [SimpleNamespace(directory=n) for n in range(3)],
        )
        self.rooms = Rooms(
            bounds=Bounds(
                path=path, max_size_bytes=10 * MIB, min_free_bytes=50 * MIB, **REST
            ),
            board=SimpleNamespace(lines=lambda: self.lines),
            savers=SimpleNamespace(schedule=self.tried.append),
            shipping=SimpleNamespace(folded=lambda _: None),
            folder=SimpleNamespace(spool=spool, fold=self._fold),
            cache=SimpleNamespace(empty=self._empty),
        )
        monkeypatch.setattr(os, "statvfs", lambda _: self)
        self.said: list[str] = []
        quiet = SimpleNamespace(info=self._say, error=self._say, warning=self._say)
        monkeypatch.setattr(rooms, "log", quiet)

    f_frsize = 1

    @property
    def f_bavail(self) -> int:
        return self.free_bytes

    @property
    def f_favail(self) -> int:
        return self.free_inodes

    def _fold(self, _session, pressure):
        self.folded.append(pressure)
        return []

    def _empty(self) -> None:
        self.emptied += 1

    def _say(self, what, **_told) -> None:
        self.said.append(what)


REST = {
    name: field.default
    for name, field in Bounds.__dataclass_fields__.items()
    if name not in {"path", "max_size_bytes", "min_free_bytes"}
}


def line(session):
    return Line(SessionDirectory(SessionId(session), session.encode(), 1, 2, 3))


@pytest.fixture
def disk(tmp_path, monkeypatch):
    return Disk(tmp_path, monkeypatch)


def test_where_there_is_room_nothing_is_said_and_nothing_given_up(disk):
    disk.rooms.act()
    disk.rooms.sealed(SessionId("one"))

    assert (disk.said, disk.folded, disk.emptied) == ([], [], 0)
    assert (disk.rooms.state, disk.rooms.since) == ("ok", None)


def test_little_room_is_said_once_and_so_is_its_end(disk):
    disk.free_bytes = 49 * MIB
    disk.rooms.act()
    since = disk.rooms.since
    disk.rooms.act()
    disk.free_bytes = 51 * MIB  # not yet: it would flicker
    disk.rooms.act()
    assert (disk.rooms.state, disk.rooms.since) == ("low", since)
    disk.free_bytes = 60 * MIB
    disk.rooms.act()

    assert disk.rooms.state == "ok"
    assert disk.said == ["little room left for the spool", "room for the spool again"]
    assert disk.folded == ["gentle"]
    assert disk.emptied == 2


def test_at_the_bound_versions_that_were_asked_for_go_last(disk):
    disk.used_bytes = 11 * MIB
    disk.rooms.sealed(SessionId("one"))

    assert disk.folded == ["gentle", "hard"]
    assert disk.emptied == 0


def test_what_cannot_be_folded_further_is_not_tried_again(disk):
    disk.used_bytes = 11 * MIB
    for _ in range(3):
        disk.rooms.act()

    assert disk.folded == ["gentle", "hard"]


def test_the_bound_counts_as_reached_until_what_was_folded_is_recorded(disk):
    disk.used_bytes = 11 * MIB
    disk.rooms.sealed(SessionId("one"))
    disk.used_bytes, disk.folds = 2 * MIB, 1
    disk.rooms.act()
    assert disk.rooms.state == "full"
    disk.folds = 0
    disk.rooms.act()

    assert disk.said == ["the spool is full", "room for the spool again"]


def refuse(disk, session, error):
    one = next(one for one in disk.lines if one.directory.session == session)
    disk.rooms.refused(one, error)
    return one


def test_who_found_no_room_is_tried_again_when_there_is_more(disk):
    one = refuse(disk, "one", NoSpace("full"))
    since = one.refused_since
    disk.rooms.act()
    disk.free_bytes += 1000  # somebody's log rotated
    disk.rooms.act()
    assert disk.tried == []
    assert disk.rooms.state == "full"
    assert disk.rooms.look().refused == (one,)

    disk.free_bytes += MIB
    disk.rooms.act()
    assert disk.tried == [one.directory]
    disk.rooms.act()  # once, and then for more
    assert disk.tried == [one.directory]
    refuse(disk, "one", NoSpace("full"))
    assert one.refused_since == since
    disk.free_inodes += 100
    disk.rooms.act()
    assert disk.tried == [one.directory] * 2


def test_want_of_room_gives_up_the_cache_and_every_state_in_between(disk):
    refuse(disk, "one", NoSpace("full"))
    disk.rooms.act()

    assert disk.folded == ["gentle", "hard"]
    assert disk.emptied == 1
    assert disk.said == ["the spool is full"]


def test_a_disk_that_takes_nothing_is_another_trouble(disk):
    refuse(disk, "one", SpoolFailing("read-only"))
    disk.rooms.act()

    assert disk.rooms.state == "failing"
    assert disk.said == ["the spool cannot be written"]
