"""What is declared of metrics: names in the style of Prometheus, and bounded labels."""

import re
from typing import get_args

import pytest

from expokeep.service.monitoring.declared import GROUPS, METRICS
from expokeep.service.monitoring.here import SPOOL_STATES, STATES
from expokeep.service.room import State

UNITS = {"seconds", "bytes", "ratio", "dollars", "info"}
NAMED_BY_OTHERS = {"user", "chore", "operation", "status", "version", "python"}
"""Labels without a closed list, of which there are few all the same: the users are the
top ones, the others have a bound of their own."""


def test_no_name_is_declared_twice():
    assert sum(len(group.metrics) for group in GROUPS) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda one: one.name)
def test_a_name_says_its_unit_last_and_has_no_other(metric):
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.kind == "histogram":
        assert metric.name.endswith("_seconds")
    assert not UNITS & {*metric.name.removesuffix("_total").split("_")[:-1]}
    assert not re.search(r"_(ms|s|kb|mb|size|time|count)(_total)?$", metric.name)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda one: one.name)
def test_a_label_that_has_no_closed_list_is_one_of_few(metric):
    open_labels = {label for label, values in metric.labels.items() if not values}

    assert open_labels <= NAMED_BY_OTHERS
    assert "session" not in metric.labels


def test_the_words_are_those_of_status():
    assert get_args(State) == SPOOL_STATES
    assert STATES == ("idle", "dirty", "saving", "waiting", "paused")
