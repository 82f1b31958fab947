"""A rebuild that is stopped after any of its steps is gone on with."""

import itertools

import pytest

from expokeep.rebuild import missing, run
from expokeep.rebuild.missing import adopted
from expokeep.rebuild.run import rebuilt
from rebuilding import fill, told, trees


class Stopped(Exception):
    """Stands for the end of a process."""


@pytest.fixture
def stopping(monkeypatch):
    """Lets a rebuild end after so many of its steps; tells how many it took."""

    def stopping(after: int) -> itertools.count:
        steps = itertools.count(1)

        def point(_name: str) -> None:
            if next(steps) == after:
                raise Stopped

        monkeypatch.setattr(run, "point", point)
        monkeypatch.setattr(missing, "point", point)
        return steps

    return stopping


def test_stopped_after_each_step_in_turn_it_ends_as_it_should(loss, stopping):
    fill(loss.host, loss.dsn)
    loss.note()
    fresh, dsn = loss.catalog_like()

    stops = 0
    for after in itertools.count(1):
        stopping(after)
        try:
            loss.rebuild(fresh, rebuilt)
        except Stopped:
            stops += 1
        else:
            break

    assert stops > 10
    assert told(dsn) == told(loss.dsn)
    assert trees(fresh) == trees(loss.catalog)


def test_what_is_added_may_be_stopped_after_each_step_too(loss, stopping):
    fill(loss.host, loss.dsn)
    loss.note()
    fresh, dsn = loss.catalog_like()

    for after in itertools.count(1):
        stopping(after)
        try:
            loss.rebuild(fresh, adopted)
        except Stopped:
            continue
        break

    assert after > 5
    assert told(dsn) == told(loss.dsn)
