"""What happened lately: told in order, to all who follow, and never for ever."""

import threading

import pytest

from expokeep.service import events as module
from expokeep.service.events import MOST, Events

WAIT_S = 30.0


@pytest.fixture
def events():
    return Events()


def kinds(found):
    return [event.kind for event in found]


def test_what_happened_is_told_in_order(events):
    events.publish("version.created", "shop", seq=1)
    events.publish("daemon.paused", None)

    first, second = events.since(None)

    assert (first.kind, first.session, first.details) == (
        "version.created",
        "shop",
        {"seq": 1},
    )
    assert second.number == first.number + 1 == events.newest


def test_who_knows_the_first_is_told_the_rest(events):
    for kind in ("a", "b", "c"):
        events.publish(kind, None)
    first = events.since(None)[0].number

    assert kinds(events.since(first)) == ["b", "c"]
    assert events.since(events.newest) == []


def test_a_number_of_another_process_gives_all_that_is_remembered(events):
    events.publish("a", None)

    assert kinds(events.since(events.newest + 1000)) == ["a"]
    assert kinds(events.since(1)) == ["a"]


def test_a_later_process_gives_larger_numbers(events, monkeypatch):
    events.publish("a", None)
    later_ns = module.clock.now_ns() + 3_600_000_000_000
    monkeypatch.setattr(module.clock, "now_ns", lambda: later_ns)

    assert Events().newest > events.newest


def test_only_the_newest_are_remembered(events):
    for number in range(MOST + 5):
        events.publish(str(number), None)

    found = events.since(None)

    assert len(found) == MOST
    assert found[0].kind == "5"
    assert len(events.since(found[0].number - 100)) == MOST


def test_a_follower_waits_for_what_comes(events):
    heard = []
    there = threading.Event()

    def follow():
        for event in events.follow(events.newest):
            heard.append(event.kind)
            there.set()

    follower = threading.Thread(target=follow)
    follower.start()
    events.publish("later", None)
    assert there.wait(WAIT_S)
    events.close()
    follower.join(WAIT_S)

    assert not follower.is_alive()
    assert heard == ["later"]


def test_a_follower_hears_that_nothing_happened(events, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)

    assert next(events.batches(events.newest)) == []


def test_a_follower_ends_when_it_is_told_to(events, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)
    stop = threading.Event()
    stop.set()

    assert list(events.follow(events.newest, stop)) == []


def test_who_subscribed_is_called_until_it_leaves(events):
    heard = []
    leave = events.subscribe(lambda event: heard.append(event.kind))

    events.publish("a", None)
    leave()
    events.publish("b", None)

    assert heard == ["a"]


def test_a_listener_that_fails_stops_nobody(events):
    heard = []

    def fail(_event):
        raise ValueError

    events.subscribe(fail)
    events.subscribe(lambda event: heard.append(event.kind))
    events.publish("a", None)

    assert heard == kinds(events.since(None)) == ["a"]
