"""Metrics as Prometheus reads them. The only door of prometheus_client.

A registry of our own: nothing is registered by importing, and two in one process do not
meet.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from expokeep.service.monitoring.metric import Metric, Sample, Spread

MOST_CHARACTERS = 200
"""Of a label's value: more is cut."""

Told = Iterable[Sample | Spread]
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Exposition:
    """What is scraped."""

    def __init__(self, metrics: Iterable[Metric], read: Callable[[], Told]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Reading(metrics, read))
        ProcessCollector(registry=self._registry)

    def rendered(self, accept: str) -> tuple[str, bytes]:
        """Return the media type, of those that are accepted, and the text."""
        encode, media_type = choose_encoder(accept)
        return media_type, encode(self._registry)


class _Reading(Collector):
    def __init__(self, metrics: Iterable[Metric], read: Callable[[], Told]) -> None:
        self._metrics = tuple(metrics)
        self._read = read

    def describe(self) -> Iterable[Family]:
        """Say nothing: to be registered must not read anything."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield all that was told, in the order of the declaration."""
        families = {metric.name: _family(metric) for metric in self._metrics}
        missing = {
            metric.name: dict.fromkeys(metric.beginnings())
            for metric in self._metrics
            if metric.kind == "counter"
        }
        for one in self._read():
            family = families[one.name]
            if isinstance(one, Spread):
                _spread(family, one)
            else:
                _add(family, one.labels, one.value)
                missing.get(one.name, {}).pop(one.labels, None)
        for name, untold in missing.items():
            for labels in untold:
                _add(families[name], labels, 0.0)
        yield from (family for family in families.values() if family.samples)


def shown(text: str) -> str:
    r"""Return a text that can be a label's value: short, and nothing but characters.

    >>> shown("ann\n# HELP"), shown("\udcff"), len(shown("x" * 300))
    ('ann\\n# HELP', '\\udcff', 200)
    """
    safe = "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )
    return safe if len(safe) <= MOST_CHARACTERS else safe[: MOST_CHARACTERS - 1] + "…"


def _family(metric: Metric) -> Family:
    labels = tuple(metric.labels)
    if metric.kind == "counter":
        return CounterMetricFamily(metric.full_name, metric.why, labels=labels)
    if metric.kind == "histogram":
        return HistogramMetricFamily(metric.full_name, metric.why, labels=labels)
    return GaugeMetricFamily(metric.full_name, metric.why, labels=labels)


def _add(family: Family, labels: tuple[str, ...], value: float) -> None:
    if isinstance(family, HistogramMetricFamily):
        raise TypeError(f"{family.name} is a histogram")
    family.add_metric([shown(text) for text in labels], value)


def _spread(family: Family, spread: Spread) -> None:
    if not isinstance(family, HistogramMetricFamily):
        raise TypeError(f"{spread.name} is no histogram")
    bounds = [*map(str, spread.bounds), "+Inf"]
    counts = [*spread.below, spread.count]
    family.add_metric([], list(zip(bounds, counts, strict=True)), spread.total)
