"""All metrics there are, by name."""

from expokeep.service.monitoring.counts import Counts
from expokeep.service.monitoring.everywhere import EVERYWHERE
from expokeep.service.monitoring.here import HERE
from expokeep.service.monitoring.metric import Group, Metric

GROUPS: tuple[Group, ...] = (*HERE, *EVERYWHERE)
METRICS: dict[str, Metric] = {
    metric.name: metric for group in GROUPS for metric in group.metrics
}


def counts() -> Counts:
    """Return the counters of a process, all at their beginning."""
    return Counts(METRICS.values())
