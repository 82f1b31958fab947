"""What is counted, and told once."""

import pytest

from expokeep.catalog.usage import Done, Requests
from expokeep.errors import BackendUnreachable
from expokeep.service.events import Events
from expokeep.service.tally import Tally
from expokeep.store.usage import Meter


class Told:
    """Writes down what it is told, unless it is away."""

    def __init__(self):
        self.told = []
        self.is_away = False

    def add(self, host, requests, done):
        if self.is_away:
            raise BackendUnreachable("away")
        self.told.append((requests, dict(done)))


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def meter():
    return Meter()


@pytest.fixture
def events():
    return Events()


@pytest.fixture
def tally(told, meter, events):
    tally = Tally(told, None, meter.usage)
    events.subscribe(tally.heard)
    return tally


def test_saves_and_restores_count_and_nothing_else(tally, told, events):
    events.publish("version.created", "shop")
    events.publish("version.parked", "shop")
    events.publish("restore.done", "shop")
    events.publish("restore.done", "other")
    events.publish("daemon.paused", None)

    tally.tell()

    assert told.told == [
        (Requests(), {"shop": Done(1, 1), "other": Done(restores=1)}),
    ]


def test_requests_are_told_by_class_and_once(tally, told, meter):
    for operation in ("PutObject", "PutObject", "GetObject", "DeleteObjects"):
        meter.asked(operation)
    meter.sent(10)
    tally.tell()
    meter.asked("ListObjectsV2")
    tally.tell()

    assert [requests for requests, _ in told.told] == [
        Requests(class_a=2, class_b=1, free=1, sent_bytes=10),
        Requests(class_a=1),
    ]


def test_where_nothing_happened_nothing_is_told(tally, told, meter, events):
    tally.tell()
    meter.asked("PutObject")
    tally.tell()
    tally.tell()

    assert len(told.told) == 1


def test_what_could_not_be_told_is_told_later(tally, told, meter, events):
    told.is_away = True
    meter.asked("PutObject")
    events.publish("version.created", "shop")
    with pytest.raises(BackendUnreachable):
        tally.tell()
    events.publish("version.created", "shop")
    told.is_away = False

    tally.tell()

    assert told.told == [(Requests(class_a=1), {"shop": Done(saves=2)})]


def test_where_there_is_no_bucket_saves_count_all_the_same(told, events):
    tally = Tally(told, None, lambda: None)
    events.subscribe(tally.heard)
    events.publish("version.created", "shop")

    tally.tell()

    assert told.told == [(Requests(), {"shop": Done(saves=1)})]
