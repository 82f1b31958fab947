"""On what terms something is lent, and who is turned away."""

import datetime
from dataclasses import replace

import pytest

from expokeep.catalog.shares import Door
from expokeep.errors import UsageError
from expokeep.share.plan import Bounds, Terms, checked, expiry_s, refusal

DAY_S = 86_400.0
BOUNDS = Bounds(usual_s=30 * DAY_S, most_s=365 * DAY_S)
OPEN = Door(
    name="shr-abcdefghijkl",
    session="shop",
    seq=3,
    state="live",
    is_for_them=True,
    is_locked=False,
    password=None,
    must_look=False,
    project_name=None,
    file_count=1,
    size_bytes=1,
    expires_at=datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC),
    uses_left=None,
)


def test_a_share_holds_as_long_as_is_usual_or_was_asked():
    assert expiry_s(None, BOUNDS) == 30 * DAY_S
    assert expiry_s(7 * DAY_S, BOUNDS) == 7 * DAY_S
    assert expiry_s(365 * DAY_S, BOUNDS) == 365 * DAY_S


@pytest.mark.parametrize("asked_s", [-1.0, 0.0, 59.9, 366 * DAY_S, float("inf")])
def test_no_share_holds_for_ever_or_not_at_all(asked_s):
    with pytest.raises(UsageError):
        expiry_s(asked_s, BOUNDS)


@pytest.mark.parametrize(
    "terms",
    [
        Terms(max_uses=0),
        Terms(max_uses=-1),
        Terms(max_uses=2_000_000_000),
        Terms(users=()),
        Terms(users=("",)),
        Terms(users=("a\nb",)),
        Terms(users=tuple(f"user-{n}" for n in range(1001))),
        Terms(password=""),
        Terms(password="x" * 1025),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms):
    with pytest.raises(UsageError):
        checked(terms)


def test_no_error_of_terms_says_the_password():
    with pytest.raises(UsageError) as refused:
        checked(Terms(password="canary" * 200))

    assert "canary" not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize("state", ["revoked", "expired", "used_up", "gone"])
def test_what_is_over_is_over_for_everybody(state):
    assert refusal(replace(OPEN, state=state)) == state
    assert refusal(replace(OPEN, state=state, is_for_them=False)) == state


def test_what_is_for_others_is_not_for_them():
    assert refusal(OPEN) is None
    assert refusal(replace(OPEN, is_for_them=False)) == "not_for_them"
