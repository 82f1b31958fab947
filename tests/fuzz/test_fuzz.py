"""Bytes of strangers, by the hundred in CI and by the thousand in `make full`.

What was ever found is kept in `corpus/<target>/`, and is tried every time.
"""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fuzz.mutating import CORPUS, mutated, seeds
from fuzz.targets import TARGETS

PATIENT = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NOISE = st.binary(max_size=300)
KEPT = [(one.parent.name, one.name) for one in sorted(CORPUS.glob("*/*"))]


def test_every_target_has_a_corpus():
    assert {target for target, _ in KEPT} >= TARGETS.keys()


@pytest.mark.parametrize(("target", "name"), [one for one in KEPT if one[0] in TARGETS])
def test_what_was_found_once_is_no_failure_any_more(target, name):
    TARGETS[target]((CORPUS / target / name).read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_break_a_promise(target):
    tried(target, 40)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_of_many_break_a_promise(target):
    tried(target, 3000)


def tried(target: str, times: int) -> None:
    """Try a target with mutations of its corpus, and with noise."""

    @settings(PATIENT, max_examples=times)
    @given(mutated(seeds(target)) | NOISE)
    @example(b"")
    def broken(raw: bytes) -> None:
        TARGETS[target](raw)

    broken()
