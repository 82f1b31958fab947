"""What a metric is: its name, its kind, its labels, and what it means. Pure.

Declared once, in `here` and `everywhere`: what is scraped, what is counted and
docs/METRICS.md all come from there.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["gauge", "counter", "histogram"]

PREFIX = "expokeep_"
OTHER = "other"
"""The label of what does not get a label of its own."""
MOST_SERIES = 100
"""Of one metric, where its labels have no closed list of values."""

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Bounds of a histogram of times."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, as it is declared."""

    name: str
    """Without `expokeep_`; it ends in its unit, a counter in `_total`."""
    kind: Kind
    why: str
    """What it means, in words; one line."""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by label; none where there is no closed list."""
    is_shared: bool = False
    """Whether it is about all hosts, so that each daemon tells the same."""
    bounds: tuple[float, ...] = ()
    """Of a histogram."""
    begins: tuple[tuple[str, ...], ...] = ()
    """Series that are there from the start, where not all values are known."""

    @property
    def full_name(self) -> str:
        """What it is called where it is scraped."""
        return PREFIX + self.name

    @property
    def is_closed(self) -> bool:
        """Whether all values of its labels are known beforehand."""
        return all(self.labels.values())

    def beginnings(self) -> list[tuple[str, ...]]:
        """Return the series of a counter that are there before anything happened.

        A first failure must not be the first that is heard of a series: nobody would
        see it rise.

        >>> gauge("x", "", state=("on", "off")).beginnings()
        [('on',), ('off',)]
        >>> gauge("x", "").beginnings(), gauge("x", "", user=()).beginnings()
        ([()], [])
        """
        if not self.is_closed:
            return [*self.begins]
        return list(itertools.product(*self.labels.values()))

    def fitting(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return labels that may be told: what is on no list is `other`.

        >>> counter("x_total", "", outcome=("ok", "failed")).fitting(("odd",))
        ('other',)
        """
        return tuple(
            label if not known or label in known else OTHER
            for label, known in zip(labels, self.labels.values(), strict=True)
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """A histogram's values: how many were below each bound, how many, and their sum."""

    name: str
    bounds: tuple[float, ...]
    below: tuple[int, ...]
    """By bound; each counts those of the bounds before it as well."""
    count: int
    total: float


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that belong together."""

    title: str
    metrics: tuple[Metric, ...]


def gauge(name: str, why: str, **labels: tuple[str, ...]) -> Metric:
    """Declare something that goes up and down."""
    return Metric(name, "gauge", why, labels)


def shared(name: str, why: str, **labels: tuple[str, ...]) -> Metric:
    """Declare a gauge that is about all hosts."""
    return Metric(name, "gauge", why, labels, is_shared=True)


def counter(name: str, why: str, **labels: tuple[str, ...]) -> Metric:
    """Declare something that only grows while this process lives."""
    return Metric(name, "counter", why, labels)


def beginning(metric: Metric, *begins: tuple[str, ...]) -> Metric:
    """Return a metric some series of which are there from the start."""
    return replace(metric, begins=begins)


def histogram(name: str, why: str) -> Metric:
    """Declare how times are spread."""
    return Metric(name, "histogram", why, bounds=SECONDS)
