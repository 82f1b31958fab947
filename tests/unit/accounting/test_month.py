"""A month as it was, and as it is going to be."""

import datetime
from dataclasses import replace
from decimal import Decimal

import pytest

from expokeep.accounting.month import Month, Seen, parse_month, projected, so_far
from expokeep.catalog.statistics import StoredDay
from expokeep.catalog.usage import Requests

NOVEMBER = parse_month("2026-11")
GB = 1_000_000_000


def day(number, month=11):
    return datetime.date(2026, month, number)


def noon(number, month=11):
    return datetime.datetime(2026, month, number, 12, tzinfo=datetime.UTC)


LAST_DAY = noon(30)


def seen(*stored, now=LAST_DAY, **more):
    return Seen(
        stored=[StoredDay(at, peak * GB, last * GB) for at, peak, last in stored],
        requests=Requests(**more),
        first_day=day(1),
        now=now,
    )


def test_a_quiet_day_is_as_the_day_before_it_ended():
    found = so_far(NOVEMBER, seen((day(1), 30, 10), (day(11), 20, 5)))

    assert found.gb_months * 30 == 30 + 9 * 10 + 20 + 19 * 5


def test_a_month_begins_with_what_the_one_before_ended_with():
    found = so_far(NOVEMBER, seen((day(5, month=9), 99, 3)))

    assert found.gb_months == 3


def test_days_that_have_not_come_count_for_nothing_so_far():
    found = seen((day(1), 30, 30), now=noon(15), class_a=100, received_bytes=7)

    assert so_far(NOVEMBER, found).gb_months == 15
    assert so_far(NOVEMBER, found).class_a == 100
    assert so_far(NOVEMBER, found).received_bytes == 7


def test_a_month_goes_on_as_it_went():
    found = seen((day(1), 60, 30), now=noon(15), class_a=100, class_b=10)

    whole = projected(NOVEMBER, found)

    assert whole.gb_months * 30 == 60 + 29 * 30
    assert whole.class_a == round(100 * 30 / 14.5)
    assert whole.class_b == round(10 * 30 / 14.5)


def test_what_was_counted_for_a_day_only_is_taken_for_a_day():
    found = seen((day(14), 1, 1), now=noon(15), class_a=100)

    whole = projected(NOVEMBER, replace(found, first_day=day(14)))

    assert whole.class_a == round(100 * (1.5 + 15.5) / 1.5)


def test_the_first_minutes_of_a_month_foretell_no_fortune():
    found = seen(
        (day(1), 1, 1),
        now=datetime.datetime(2026, 11, 1, 0, 0, 1, tzinfo=datetime.UTC),
        class_a=1,
    )

    assert projected(NOVEMBER, found).class_a < 31 * 24


@pytest.mark.parametrize("now", [noon(1, month=12), noon(31, month=10)])
def test_a_month_that_is_over_or_has_not_begun_is_not_foretold(now):
    found = seen((day(3), 1, 1), now=now, class_a=5)

    assert projected(NOVEMBER, found) == so_far(NOVEMBER, found)


def test_a_month_of_which_nothing_is_known_costs_nothing():
    assert so_far(NOVEMBER, seen()).gb_months == Decimal(0)
    assert projected(NOVEMBER, seen(now=noon(3))).gb_months == Decimal(0)


def test_december_ends_with_the_year():
    assert Month(day(1, month=12)).until == datetime.date(2027, 1, 1)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-11-24", "x", "9999-12", "0001-01"]
)
def test_what_is_no_month_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_month(text)
