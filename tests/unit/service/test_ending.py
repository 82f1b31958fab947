"""When a last version has to wait."""

import datetime
import os
from types import SimpleNamespace

import pytest

from expokeep.model.names import SessionId
from expokeep.service.board import Board, Line
from expokeep.service.ending import Ending
from expokeep.service.turnstile import Turnstile
from expokeep.snapshot.allowance import Allowance, Limits
from expokeep.snapshot.capturing import Capturing
from expokeep.spool.journal import Journals
from expokeep.watch.settle import Settler
from expokeep.watch.values import SessionDirectory

SHOP = SessionId("shop")


@pytest.fixture
def capturing(tmp_path, monkeypatch):
    """Nobody works at its queue, as while a disk is slow."""
    limits = Limits(1000, 50, 1_000_000, 1_000_000, 60.0)
    journals = Journals(tmp_path / "spool", fsync=False)
    capturing = Capturing(journals, Allowance(limits))
    settle = capturing.settle
    monkeypatch.setattr(capturing, "settle", lambda: settle(0.01))
    yield capturing
    capturing.close()


def test_a_last_version_waits_for_all_that_was_handed_over(tmp_path, capturing):
    place = tmp_path / "expo-shop"
    place.mkdir()
    (place / "a.js").write_text("a")
    root, found = os.open(place, os.O_RDONLY), place.stat()
    directory = SessionDirectory(
        SHOP, bytes(place), found.st_dev, found.st_ino, found.st_uid
    )
    capturing.begun(directory, root)
    os.close(root)
    fd = os.open(place / "a.js", os.O_RDONLY)
    capturing.opened(directory, b"a.js", fd, closed=True)
    capturing.ended(directory)
    due = Turnstile(Settler(0.0, 0.0), lambda one: one.session)
    board = Board(due, max_sessions=1)
    board.give_back(Line(directory, datetime.datetime.now(datetime.UTC)))
    snapshotter = SimpleNamespace(capturing=capturing)  # whoever seals now fails
    ending = Ending(None, snapshotter, board, due, None, None)

    ending.bury(SHOP)

    assert capturing.lives.has_ended(SHOP)
    assert [one.directory for one in board.take_ended(SHOP)] == [directory]
    assert capturing.allowance.pinned == 1
