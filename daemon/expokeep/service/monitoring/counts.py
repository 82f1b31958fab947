"""Counts what happens in this process, from any thread, in little memory.

However odd the labels are that it is given, a metric has a bounded number of series.
"""

import bisect
import threading
from collections.abc import Iterable, Iterator
from itertools import accumulate

from expokeep.service.monitoring.metric import (
    MOST_SERIES,
    OTHER,
    Metric,
    Sample,
    Spread,
)


class Counts:
    """The counters and histograms of a process. Importing or making it starts nothing.

    Nobody who counts waits, and counting never fails: a name that is not declared is a
    fault of ours, which the tests find.
    """

    def __init__(self, metrics: Iterable[Metric]) -> None:
        declared = list(metrics)
        self._metrics = {one.name: one for one in declared}
        self._lock = threading.Lock()
        self._sums: dict[str, dict[tuple[str, ...], float]] = {
            one.name: {} for one in declared if one.kind == "counter"
        }
        self._spread: dict[str, list[int]] = {
            one.name: [0] * (len(one.bounds) + 1)
            for one in declared
            if one.kind == "histogram"
        }
        self._totals = dict.fromkeys(self._spread, 0.0)

    def add(self, name: str, *labels: str, amount: float = 1.0) -> None:
        """Count something; by how much, if not by one."""
        metric = self._metrics[name]
        fitting = metric.fitting(labels)
        with self._lock:
            sums = self._sums[name]
            if fitting not in sums and len(sums) >= MOST_SERIES:
                fitting = (OTHER,) * len(fitting)
            sums[fitting] = sums.get(fitting, 0.0) + amount

    def expect(self, name: str, *labels: str) -> None:
        """Begin a series at 0."""
        self.add(name, *labels, amount=0.0)

    def took(self, name: str, took_s: float) -> None:
        """Count how long something took."""
        bounds = self._metrics[name].bounds
        with self._lock:
            self._spread[name][bisect.bisect_left(bounds, took_s)] += 1
            self._totals[name] += max(0.0, took_s)

    def value(self, name: str, *labels: str) -> float:
        """Return what a counter stands at."""
        with self._lock:
            return self._sums[name].get(labels, 0.0)

    def samples(self) -> Iterator[Sample | Spread]:
        """Yield all that was counted, as of one moment."""
        with self._lock:
            sums = {name: dict(found) for name, found in self._sums.items()}
            spread = {name: list(found) for name, found in self._spread.items()}
            totals = dict(self._totals)
        for name, found in sums.items():
            for labels, value in found.items():
                yield Sample(name, value, labels)
        for name, counts in spread.items():
            below = tuple(accumulate(counts))
            bounds = self._metrics[name].bounds
            yield Spread(name, bounds, below[:-1], below[-1], totals[name])
