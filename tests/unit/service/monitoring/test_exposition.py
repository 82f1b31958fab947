"""What is scraped, as Prometheus' own parser reads it."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families

from expokeep.service.monitoring.counts import Counts
from expokeep.service.monitoring.exposition import Exposition, shown
from expokeep.service.monitoring.metric import Sample, counter, gauge, histogram

USERS = gauge("user_stored_bytes", "With a \\ and a\nline", user=())
ENDS = counter("ends_total", "", outcome=("ok", "failed"))
TIMES = histogram("took_seconds", "")
ALL = (USERS, ENDS, TIMES)
HOSTILE = [
    'ann"} 1\nexpokeep_healthy 0\n# HELP x y',
    "back\\slash\\n",
    "\x1b[31mred\x00\r\n",
    "of no encoding \udcff",
    "x" * 100_000,
    "",
    "مستخدم 用户 🦊",
]


def samples_of(text, parse=text_string_to_metric_families):
    return [
        sample
        for family in parse(text)
        for sample in family.samples
        if sample.name.startswith("expokeep_")
    ]


def rendered(told, accept=""):
    return Exposition(ALL, lambda: told).rendered(accept)[1].decode()


def test_hostile_names_stay_inside_of_their_label():
    told = [Sample("user_stored_bytes", at, (user,)) for at, user in enumerate(HOSTILE)]

    found = [
        (one.labels["user"], one.value)
        for one in samples_of(rendered(told))
        if one.name == "expokeep_user_stored_bytes"
    ]

    assert found == [(shown(user), at) for at, user in enumerate(HOSTILE)]
    assert all(len(user) <= 200 for user, _ in found)


@given(st.text(st.characters()))
def test_any_name_can_be_told(user):
    (one, *_) = samples_of(rendered([Sample("user_stored_bytes", 1, (user,))]))

    assert one.labels == {"user": shown(user)}
    assert shown(user).isprintable()


def test_a_counter_begins_with_all_that_can_happen():
    found = samples_of(rendered([Sample("ends_total", 3, ("failed",))]))

    ends = {one.labels["outcome"]: one.value for one in found if one.labels}
    assert (ends["ok"], ends["failed"]) == (0, 3)


def test_both_formats_say_the_same():
    counts = Counts(ALL)
    counts.add("ends_total", "ok", amount=2)
    counts.took("took_seconds", 0.7)
    accept = "application/openmetrics-text; version=1.0.0"
    told = list(counts.samples())

    plain = {
        (one.name, *one.labels.items()): one.value for one in samples_of(rendered(told))
    }
    modern = {
        (one.name, *one.labels.items()): one.value
        for one in samples_of(rendered(told, accept), open_metrics)
    }

    assert plain == modern
    assert plain["expokeep_took_seconds_bucket", ("le", "1.0")] == 1
    assert plain["expokeep_took_seconds_bucket", ("le", "0.5")] == 0
    assert plain["expokeep_took_seconds_sum",] == 0.7


def test_two_of_them_do_not_meet_and_nothing_is_global():
    before = set(REGISTRY._names_to_collectors)

    one, other = Exposition(ALL, list), Exposition(ALL, list)

    assert b"process_open_fds" in one.rendered("")[1]
    assert b"process_open_fds" in other.rendered("")[1]
    assert set(REGISTRY._names_to_collectors) == before
