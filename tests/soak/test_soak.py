"""A short soak: everything at once for some seconds. `make soak` is the long one."""

import pytest

from soak.model import EMPTY, Life, Session, digest
from soak.run import Plan, soaked

A, B, C, P = (digest(text) for text in (b"a", b"b", b"c", b"package"))
FIRST = {"package.json": P, "App.js": A}
SECOND = {"package.json": P, "App.js": B}


@pytest.mark.timeout(300)
def test_a_short_soak_finds_nothing_wrong():
    plan = Plan(
        4711, sessions=20, length_s=12.0, upset_every_s=3.0, upsets=2, brings_back=6
    )

    soak = soaked(plan)

    assert soak.found == []
    assert soak.counts["versions"] > plan.sessions


@pytest.fixture
def told():
    """What the model has to say of the versions of a life: edited, saved, over."""
    life = Life("first", dict(FIRST))
    life.settle()
    life.begin()
    life.may_be_empty("App.js")
    life.put("App.js", B)
    life.settle(by_a_person=True)
    life.is_over = True
    return lambda *trees, parked=(): "; ".join(
        Session("s", [life]).differences([*trees], trees[-1], parked)
    )


def test_the_model_takes_what_was_for_right(told):
    assert told(FIRST, SECOND) == ""
    assert told(FIRST, {**SECOND, "App.js": EMPTY}, SECOND) == ""


def test_the_model_misses_what_was_captured(told):
    assert "is lost" in told(FIRST)
    assert "is lost" in told(SECOND)
    assert "is lost" in told(FIRST, {**SECOND, "App.js": EMPTY})


def test_the_model_knows_the_head(told):
    assert "head" in told(SECOND, FIRST)


def test_the_model_knows_what_never_was(told):
    assert "never was" in told(FIRST, {**SECOND, "App.js": C}, SECOND)
    assert "never was" in told(FIRST, {**SECOND, "new.js": C}, SECOND)
    assert "two names" in told(FIRST, {**SECOND, "new.js": B}, SECOND)


def test_the_model_wants_what_was_left_of_a_removal_beside_the_head(told):
    left = {"App.js": B}

    assert told(FIRST, left, SECOND, parked=[2]) == ""
    assert "never was" in told(FIRST, left, SECOND)
    assert "head" in told(FIRST, SECOND, left, parked=[3])
