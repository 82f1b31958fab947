import threading

import pytest

from expokeep.errors import Busy
from expokeep.service.turnstile import Turnstile
from expokeep.watch.settle import Settler


def turnstile(*, quiet_s: float = 0.0) -> Turnstile[str, str]:
    """Hand out keys such as `shop/1`, whose lane is `shop`."""
    return Turnstile(Settler(quiet_s, 10.0), lambda key: key.partition("/")[0])


def taken_on_a_thread(entry: Turnstile[str, str]) -> tuple[threading.Thread, list]:
    found: list = []
    thread = threading.Thread(target=lambda: found.append(entry.take()))
    thread.start()
    return thread, found


def test_what_settles_is_handed_out_once():
    entry = turnstile(quiet_s=0.01)
    entry.touched("shop/1")

    first = entry.take()
    entry.done("shop/1")
    thread, found = taken_on_a_thread(entry)
    entry.close()
    thread.join(5)

    assert first == "shop/1"
    assert found == [None]


def test_one_lane_is_never_out_twice():
    entry = turnstile()
    entry.schedule("shop/1")
    entry.schedule("shop/2")
    first = entry.take()

    thread, found = taken_on_a_thread(entry)
    thread.join(0.05)
    was_alone = not found
    entry.done(first)
    thread.join(5)

    assert was_alone
    assert {first, *found} == {"shop/1", "shop/2"}


def test_another_lane_does_not_wait():
    entry = turnstile()
    entry.schedule("shop/1")
    entry.take()

    entry.schedule("other/1")

    assert entry.take() == "other/1"


def test_a_lane_that_is_held_is_not_handed_out():
    entry = turnstile()
    with entry.alone("shop", 1.0):
        entry.schedule("shop/1")
        thread, found = taken_on_a_thread(entry)
        thread.join(0.05)
        was_held = not found
    thread.join(5)

    assert was_held
    assert found == ["shop/1"]


def test_to_hold_a_lane_has_an_end():
    entry = turnstile()
    entry.schedule("shop/1")
    entry.take()

    with pytest.raises(Busy), entry.alone("shop", 0.01):
        pass


def test_a_thread_that_waits_is_woken_by_an_earlier_wish():
    entry = turnstile()
    entry.schedule("shop/1", 100.0)
    thread, found = taken_on_a_thread(entry)

    entry.schedule("shop/1", 0.0)
    thread.join(5)

    assert found == ["shop/1"]


def test_a_touch_reaches_a_thread_that_waits_for_something_later():
    entry = turnstile(quiet_s=0.01)
    entry.schedule("late/1", 100.0)
    thread, found = taken_on_a_thread(entry)

    entry.touched("shop/1")
    thread.join(5)
    entry.close()

    assert found == ["shop/1"]


def test_idle_is_when_nothing_is_out_and_nothing_is_due():
    entry = turnstile()
    entry.schedule("shop/1")
    key = entry.take()

    before = entry.wait_idle(0.01)
    entry.done(key)

    assert not before
    assert entry.wait_idle(1.0)
