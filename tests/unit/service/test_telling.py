"""What other hosts are told of this one: what is news, and nothing is forgotten."""

import datetime
import uuid
from types import SimpleNamespace

import pytest

from expokeep import clock
from expokeep.catalog.values import Host
from expokeep.errors import BackendUnreachable
from expokeep.model.names import SessionId
from expokeep.service.board import Board
from expokeep.service.telling import Telling
from expokeep.spool.entry import Backlog
from expokeep.watch.values import SessionDirectory

SHOP = SessionId("shop")
HOST = Host(uuid.UUID(int=1), "here")
DIRECTORY = SessionDirectory(SHOP, b"/tmp/expo-shop", 7, 8, 1000)
LONG_AGO = clock.now() - datetime.timedelta(minutes=3)


class Told:
    """Writes down what it is told, while it answers."""

    def __init__(self):
        self.held, self.ends, self.is_away = [], [], False

    def tell_held(self, _host, held):
        self.answer()
        self.held.append(dict(held))

    def end(self, session, root, _host, at):
        self.answer()
        self.ends.append((session, root, at))

    def answer(self):
        if self.is_away:
            raise BackendUnreachable("nobody is there")


class Waiting(dict):
    """A spool: sessions, and since when something of them waits."""

    def sessions(self):
        return list(self)

    def backlog(self, session):
        return Backlog(entries=2, size_bytes=0, oldest_at=self[session])


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def spool():
    return Waiting()


@pytest.fixture
def board():
    nobody = SimpleNamespace(**dict.fromkeys(["touched", "forget", "schedule"], print))
    return Board(nobody, max_sessions=5)


@pytest.fixture
def telling(board, spool, told):
    return Telling(board, spool, HOST, told)


def test_what_waits_is_told_once_and_cleared_once(telling, spool, told):
    telling.tell_held()  # of what a former process may have told
    spool[SHOP] = LONG_AGO
    for _ in range(3):
        telling.tell_held()
    spool.clear()
    for _ in range(3):
        telling.tell_held()

    assert told.held == [{}, {SHOP: (2, LONG_AGO)}, {}]


def test_what_is_on_its_way_is_no_news(telling, spool, told):
    spool[SHOP] = clock.now()

    telling.tell_held()

    assert told.held == [{}]


def test_at_the_end_all_that_waits_is_news(telling, spool, told):
    spool[SHOP] = since = clock.now()

    telling.tell_held(waiting_s=0.0)

    assert told.held == [{SHOP: (2, since)}]


def test_what_could_not_be_told_is_told_later(telling, spool, told, board):
    spool[SHOP] = LONG_AGO
    board.appeared(DIRECTORY)
    board.disappeared(DIRECTORY)
    told.is_away = True
    for tell in (telling.tell_held, telling.tell_ends):
        with pytest.raises(BackendUnreachable):
            tell()
    told.is_away = False

    for _ in range(2):
        telling.tell_held()
        telling.tell_ends()

    assert told.held == [{SHOP: (2, LONG_AGO)}]
    ((session, root, _at),) = told.ends
    assert (session, root) == (SHOP, (7, 8))
