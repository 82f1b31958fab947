"""A month as it was, or as it is going to be if it goes on as it went. Pure."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from expokeep.accounting.prices import BYTES_PER_GB, Used
from expokeep.catalog.statistics import StoredDay
from expokeep.catalog.usage import Requests

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the calendar, by UTC."""

    begin: datetime.date

    @property
    def until(self) -> datetime.date:
        """Return the first day of the next one."""
        return (self.begin + datetime.timedelta(days=31)).replace(day=1)

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.until - self.begin).days

    def __str__(self) -> str:
        return f"{self.begin:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a month."""

    stored: Sequence[StoredDay]
    """Ascending; the last day before the month first, if there is one."""
    requests: Requests
    first_day: datetime.date | None
    """When counting began."""
    now: datetime.datetime


def parse_month(text: str) -> Month:
    """Return the month that is written `2026-11`.

    >>> str(parse_month("2026-02")), parse_month("2028-02").days
    ('2026-02', 29)

    Raises:
        ValueError: it is none.
    """
    moment = datetime.datetime.strptime(text, "%Y-%m").replace(tzinfo=datetime.UTC)
    if not datetime.MINYEAR < moment.year < datetime.MAXYEAR:
        raise ValueError(f"no calendar goes beyond the year of {text}")
    return Month(moment.date())


def so_far(month: Month, seen: Seen) -> Used:
    """Return what was used of a month up to now."""
    peaks_bytes = sum(_peaks(month, seen.stored, seen.now.date()))
    return Used(
        gb_months=Decimal(peaks_bytes) / month.days / BYTES_PER_GB,
        class_a=seen.requests.class_a,
        class_b=seen.requests.class_b,
        received_bytes=seen.requests.received_bytes,
    )


def projected(month: Month, seen: Seen) -> Used:
    """Return what a month is going to use: stored as it is now, asked as it was."""
    used = so_far(month, seen)
    if not month.begin <= seen.now.date() < month.until or not seen.stored:
        return used
    days_left = (month.until - seen.now.date()).days - 1
    more_bytes = days_left * seen.stored[-1].last_bytes
    factor = _whole_by_counted(month, seen)
    return Used(
        gb_months=used.gb_months + Decimal(more_bytes) / month.days / BYTES_PER_GB,
        class_a=round(used.class_a * factor),
        class_b=round(used.class_b * factor),
        received_bytes=round(used.received_bytes * factor),
    )


def _whole_by_counted(month: Month, seen: Seen) -> float:
    """Return by how much the month is longer than what was counted of it."""
    first = max(month.begin, seen.first_day or month.begin)
    begin = _midnight(first)
    # At least an hour: the first minutes of a month say nothing about it.
    counted_s = max(3600.0, (seen.now - begin).total_seconds())
    left_s = (_midnight(month.until) - seen.now).total_seconds()
    return (counted_s + left_s) / counted_s


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)


def _peaks(
    month: Month, stored: Sequence[StoredDay], today: datetime.date
) -> Iterator[int]:
    """Yield the peak of each day of a month up to today; a quiet day is as it began."""
    by_day = {one.day: one for one in stored}
    before = [one.last_bytes for one in stored if one.day < month.begin]
    level_bytes = before[-1] if before else 0
    day = month.begin
    while day < month.until and day <= today:
        found = by_day.get(day)
        yield level_bytes if found is None else found.peak_bytes
        level_bytes = level_bytes if found is None else found.last_bytes
        day += datetime.timedelta(days=1)
