"""Which versions stay, and why."""

import datetime

import pytest

from expokeep.catalog.caring import Line
from expokeep.retention.plan import Rules, reasons_to_keep, to_forget

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def a_line(seq, *, ago=None, **more):
    what = {
        "is_parked": False,
        "is_pinned": False,
        "labels": (),
        "is_head": False,
        "is_tip": False,
        "is_base": False,
        **more,
    }
    return Line(seq, 1, NOON - (ago or datetime.timedelta()), **what)


def hourly(count):
    """So many versions, two an hour, the newest at noon; the last is the head."""
    return [
        a_line(seq, ago=(count - seq) * HOUR / 2, is_head=seq == count)
        for seq in range(1, count + 1)
    ]


def kept(lines, **rules):
    return sorted(reasons_to_keep(lines, Rules(**rules)))


def test_the_last_ones_stay():
    assert kept(hourly(10), last=3) == [8, 9, 10]


def test_of_each_hour_the_newest_stays():
    assert kept(hourly(10), hourly=3) == [7, 9, 10]


def test_of_each_day_and_of_each_week_the_newest_stays():
    lines = [a_line(30 - days, ago=days * 24 * HOUR) for days in range(30)]

    assert kept(lines, daily=4) == [27, 28, 29, 30]
    # Noon is on a Tuesday: two days of this week, then each Sunday before.
    assert kept(lines, weekly=3) == [21, 28, 30]


def test_what_is_young_enough_stays():
    assert kept(hourly(10), within_s=3600) == [8, 9, 10]


def test_labels_keep_by_pattern():
    lines = [
        a_line(1, labels=("release-1",)),
        a_line(2, labels=("draft",)),
        a_line(3, is_head=True),
    ]

    assert kept(lines, last=1, labels=("release-*",)) == [1, 3]
    assert kept(lines, last=1, labels=("*",)) == [1, 2, 3]


@pytest.mark.parametrize(
    "mark", ["is_head", "is_tip", "is_base", "is_pinned", "is_template"]
)
def test_no_rule_drops_what_others_stand_on(mark):
    lines = [a_line(1, **{mark: True}), a_line(2), a_line(3)]

    assert to_forget(lines, Rules(last=1)) == [2]


def test_nothing_newer_than_what_the_rules_keep_is_dropped():
    lines = [a_line(1), a_line(2, labels=("good",)), a_line(3), a_line(4)]

    assert to_forget(lines, Rules(labels=("good",))) == [1]


def test_parked_versions_and_history_use_up_nothing_of_each_other():
    history = [a_line(seq) for seq in range(1, 4)]
    parked = [a_line(seq, is_parked=True) for seq in range(4, 40)]

    assert kept([*history, *parked], last=2) == [2, 3, 38, 39]


def test_a_clock_that_was_wrong_for_a_while_drops_nothing_new():
    future = 400 * 24 * HOUR
    lines = [a_line(1), a_line(2, ago=-future), a_line(3), a_line(4, is_head=True)]

    assert kept(lines, last=1) == [4]
    assert kept(lines, daily=2) == [2, 4]
    assert kept(lines, within_s=60) == [1, 2, 3, 4]


def test_rules_that_keep_nothing_are_refused():
    with pytest.raises(ValueError, match="keep nothing"):
        to_forget(hourly(3), Rules())


def test_every_reason_is_told():
    (only,) = reasons_to_keep(
        [a_line(1, is_head=True, is_pinned=True)], Rules(last=1, daily=1)
    ).values()

    assert only == ("last", "daily", "head", "pinned")
