"""Counting, from many threads and with odd labels."""

import threading

import pytest

from expokeep.service.monitoring.counts import Counts
from expokeep.service.monitoring.metric import MOST_SERIES, counter, histogram

CLOSED = counter("closed_total", "", outcome=("ok", "failed"))
OPEN = counter("open_total", "", status=())
TIMES = histogram("took_seconds", "")


@pytest.fixture
def counts():
    return Counts([CLOSED, OPEN, TIMES])


def told(counts, name):
    return {one.labels: one.value for one in counts.samples() if one.name == name}


def test_what_is_on_no_list_is_counted_as_other(counts):
    counts.add("closed_total", "ok")
    counts.add("closed_total", 'x"\n# HELP evil')

    assert told(counts, "closed_total") == {("ok",): 1, ("other",): 1}


def test_however_many_labels_come_there_are_few_series_and_nothing_is_lost(counts):
    for number in range(10_000):
        counts.add("open_total", f"hostile\n{number}")

    found = told(counts, "open_total")
    assert len(found) <= MOST_SERIES + 1
    assert sum(found.values()) == 10_000
    assert found[("other",)] == 10_000 - MOST_SERIES


def test_a_name_that_is_not_declared_is_a_fault(counts):
    with pytest.raises(KeyError):
        counts.add("misspelt_total")


def test_nothing_is_lost_between_threads(counts):
    def work():
        for _ in range(2000):
            counts.add("closed_total", "ok")
            counts.took("took_seconds", 0.3)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told(counts, "closed_total") == {("ok",): 8000}
    (spread,) = (one for one in counts.samples() if one.name == "took_seconds")
    assert spread.count == 8000
    assert spread.total == pytest.approx(2400)


def test_a_time_is_counted_below_each_bound_that_it_does_not_exceed(counts):
    for took_s in (0.0, 0.5, 0.50001, 1e9):
        counts.took("took_seconds", took_s)

    (spread,) = (one for one in counts.samples() if one.name == "took_seconds")
    below = dict(zip(spread.bounds, spread.below, strict=True))
    assert (below[0.01], below[0.25], below[0.5], below[1.0]) == (1, 1, 2, 3)
    assert (below[300.0], spread.count) == (3, 4)
