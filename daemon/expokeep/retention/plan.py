"""Decides which versions stay, and why. Values in, values out.

Order is by number, not by time: a host's clock may have been wrong for a while, and the
last version that was recorded is the newest, whatever it says of itself.
"""

import datetime
import fnmatch
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from expokeep.catalog.caring import Line


@dataclass(frozen=True, slots=True)
class Rules:
    """How many versions stay of a session. Zero and None keep nothing by that rule."""

    last: int = 0
    """The newest ones."""
    hourly: int = 0
    """The newest one of each of so many hours (UTC) in which there is any."""
    daily: int = 0
    weekly: int = 0
    within_s: float | None = None
    """All that are no older than this before the newest."""
    labels: tuple[str, ...] = ()
    """Patterns: what has a label that fits one stays."""

    @property
    def keep_nothing(self) -> bool:
        """Whether no rule keeps anything."""
        return self == Rules()


def to_forget(lines: Collection[Line], rules: Rules) -> list[int]:
    """Return the versions that no reason keeps, ascending.

    Raises:
        ValueError: the rules keep nothing at all.
    """
    kept = reasons_to_keep(lines, rules)
    return sorted(line.seq for line in lines if line.seq not in kept)


def reasons_to_keep(
    lines: Collection[Line], rules: Rules
) -> dict[int, tuple[str, ...]]:
    """Return the versions that stay, and why, in words.

    Parked versions are counted by themselves: blank templates of new directories must
    not use up what the history is allowed, nor the other way round.

    Raises:
        ValueError: the rules keep nothing at all.
    """
    if rules.keep_nothing:
        raise ValueError("these rules keep nothing")
    newest_first = sorted(lines, key=lambda line: -line.seq)
    found: dict[int, list[str]] = {}
    for parked in (False, True):
        some = [line for line in newest_first if line.is_parked is parked]
        for seq, reason in _by_rule(some, rules):
            found.setdefault(seq, []).append(reason)
    youngest = max(found, default=0)
    for line in newest_first:
        found.setdefault(line.seq, []).extend(_always(line, youngest))
    return {seq: tuple(reasons) for seq, reasons in found.items() if reasons}


def _by_rule(lines: Sequence[Line], rules: Rules) -> Iterable[tuple[int, str]]:
    for line in lines[: rules.last]:
        yield line.seq, "last"
    for name, count, period in (
        ("hourly", rules.hourly, _hour),
        ("daily", rules.daily, _day),
        ("weekly", rules.weekly, _week),
    ):
        for seq in _one_of_each(lines, count, period):
            yield seq, name
    if rules.within_s is not None and lines:
        since = lines[0].taken_at - datetime.timedelta(seconds=rules.within_s)
        yield from ((line.seq, "within") for line in lines if line.taken_at >= since)
    for line in lines:
        for label in line.labels:
            if any(fnmatch.fnmatchcase(label, pattern) for pattern in rules.labels):
                yield line.seq, f"label {label}"


def _always(line: Line, youngest: int) -> list[str]:
    """Return why no rule can drop a version."""
    reasons = (
        (line.is_head, "head"),
        (line.is_pinned, "pinned"),
        (line.is_template, "template"),
        (line.is_shared, "shared"),
        (line.is_tip, "end of a chain"),
        (line.is_base, "a directory goes out from it"),
        (line.seq > youngest, "newer than all that the rules keep"),
    )
    return [reason for holds, reason in reasons if holds]


Period = Callable[[datetime.datetime], tuple[int, ...]]


def _one_of_each(lines: Sequence[Line], count: int, period: Period) -> list[int]:
    newest: dict[tuple[int, ...], int] = {}
    for line in lines:
        when = period(line.taken_at)
        if when not in newest and len(newest) >= count:
            break
        newest.setdefault(when, line.seq)
    return list(newest.values())


def _hour(at: datetime.datetime) -> tuple[int, ...]:
    return (*_day(at), at.astimezone(datetime.UTC).hour)


def _day(at: datetime.datetime) -> tuple[int, ...]:
    moment = at.astimezone(datetime.UTC)
    return (moment.year, moment.month, moment.day)


def _week(at: datetime.datetime) -> tuple[int, ...]:
    year, week, _ = at.astimezone(datetime.UTC).isocalendar()
    return (year, week)
