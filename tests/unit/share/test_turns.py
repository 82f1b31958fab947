"""Nobody guesses for ever."""

import pytest

from expokeep.errors import AccessDenied
from expokeep.share.turns import MAX_CALLERS, MOST, WITHIN_S, Turns


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def turns(clock):
    return Turns(clock)


def test_who_tried_too_often_waits_and_nobody_else(turns, clock):
    for _ in range(MOST):
        turns.require_patience("ann")
        turns.note("ann")

    turns.require_patience("bob")
    with pytest.raises(AccessDenied):
        turns.require_patience("ann")
    clock.now_s += WITHIN_S
    turns.require_patience("ann")


def test_a_try_now_and_then_is_no_guessing(turns, clock):
    for _ in range(3 * MOST):
        turns.note("ann")
        clock.now_s += WITHIN_S / MOST
        turns.require_patience("ann")


def test_there_is_an_end_to_who_is_remembered(turns):
    for number in range(MAX_CALLERS + 10):
        turns.note(number)

    assert len(turns._tries) == MAX_CALLERS
