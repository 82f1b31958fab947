"""What is said of a directory whose snapshot ends in a fault of ours."""

import datetime
from types import SimpleNamespace

import pytest

from expokeep.model.names import SessionId
from expokeep.service.board import Line
from expokeep.service.monitoring.declared import counts
from expokeep.service.saving import Saving
from expokeep.snapshot.values import Request
from expokeep.watch.values import SessionDirectory

CHANGED_AT = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)


def test_a_fault_leaves_its_directory_unsaved_and_says_so():
    line = Line(
        SessionDirectory(SessionId("shop"), b"/tmp/expo-shop", 1, 2, 3), CHANGED_AT
    )

    def fail(*_):
        raise KeyError("a fault")

    nothing = SimpleNamespace(snapshot=fail, counts=counts())
    saving = Saving(nothing, *[nothing] * 6)

    with pytest.raises(KeyError):
        saving.snapshot(line, Request(line.directory.session, line.path))

    assert line.is_unsaved
    assert line.changed_at == CHANGED_AT
    assert "a fault" in line.last_error
    assert nothing.counts.value("captures_total", "auto", "failed") == 1
