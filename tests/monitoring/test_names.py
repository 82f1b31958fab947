"""What rules and panels ask for, held to what the daemon declares that it tells."""

import pytest

from alerting import GIVEN, asked, grouped, queries, rules
from expokeep.service.monitoring.declared import METRICS
from expokeep.service.monitoring.metric import OTHER

ENDINGS = ("_bucket", "_count", "_sum")
OF_PROCESSES = {
    *("process_start_time_seconds", "process_resident_memory_bytes"),
    *("process_cpu_seconds_total", "process_open_fds", "process_max_fds"),
}
"""Of Prometheus' own client library."""
OF_PROMETHEUS = {"up"}
SAID_BY_ANOTHER = {
    "watchdog_pings_total": "healthy",
    "watchdog_last_ping_timestamp_seconds": "healthy",
    "spool_refused_sessions": "sessions_not_captured",
}
"""What no panel shows and no rule asks for, because another metric says as much."""

EXPRESSIONS = {
    **{rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()},
    **queries(),
}
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def declared(name):
    """Return what the daemon declares of a series; None if nothing."""
    bare = name.removeprefix("expokeep_")
    for ending in ("", *ENDINGS):
        found = (
            METRICS.get(bare.removesuffix(ending)) if bare.endswith(ending) else None
        )
        if found and (not ending or found.kind == "histogram"):
            return found
    return None


def values_of(metric, label):
    """Return the values that a label may have; none where there is no closed list."""
    return set(metric.labels[label]) | {OTHER} if metric.labels[label] else set()


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_asked_for_is_told(name):
    for one in asked(EXPRESSIONS[name]):
        if one.metric in OF_PROCESSES | OF_PROMETHEUS | RECORDED:
            continue
        metric = declared(one.metric)

        assert metric, one.metric
        for label, how, value in one.matchers:
            if label in GIVEN:
                continue
            assert label in metric.labels, f"{one.metric} has no {label}"
            known = values_of(metric, label)
            chosen = set(value.split("|")) if "~" in how else {value}
            assert not known or chosen <= known, f"{one.metric} {label}"


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_nothing_is_added_up_by_a_label_that_nobody_has(name):
    metrics = [declared(one.metric) for one in asked(EXPRESSIONS[name])]
    labels = {label for one in metrics if one for label in one.labels} | {"le"}

    assert grouped(EXPRESSIONS[name]) <= labels | GIVEN


def test_rates_are_of_counters_and_nothing_else_is_a_rate_of_one():
    for name, expression in EXPRESSIONS.items():
        for one in asked(expression):
            metric = declared(one.metric)
            if metric is None or metric.kind == "histogram":
                continue
            after = expression.split(one.metric, 1)[1]
            has_window = after.removeprefix(
                after[: after.index("}") + 1] if after.startswith("{") else ""
            ).startswith("[")
            is_predicted = "predict_linear" in expression
            assert is_predicted or has_window == (metric.kind == "counter"), name


def test_all_that_is_told_is_shown_or_watched():
    used = {
        metric.name
        for expression in EXPRESSIONS.values()
        for one in asked(expression)
        if (metric := declared(one.metric))
    }

    assert set(METRICS) - used == set(SAID_BY_ANOTHER)
    assert set(SAID_BY_ANOTHER.values()) <= used
