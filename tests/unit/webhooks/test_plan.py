"""When what nobody took is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from expokeep.webhooks.plan import GIVE_UP_AFTER_S, MOST_S, again_in_s


@given(
    tries=st.integers(1, 10_000),
    age_s=st.floats(0, GIVE_UP_AFTER_S - 1),
    chance=st.floats(0, 1),
)
def test_a_pause_is_never_nothing_and_never_longer_than_an_hour(tries, age_s, chance):
    found = again_in_s(tries, age_s, chance)

    assert found is not None
    assert 2.5 <= found <= MOST_S


def test_it_is_tried_for_a_day_and_no_longer():
    age_s, tries = 0.0, 1
    while (pause_s := again_in_s(tries, age_s, chance=0.5)) is not None:
        age_s, tries = age_s + pause_s, tries + 1

    assert GIVE_UP_AFTER_S <= age_s < GIVE_UP_AFTER_S + MOST_S
    assert 30 < tries < 60
