"""Whose a line is, whatever happened to a file."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from expokeep.history.attribution import attributed

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"]), max_size=12)
STATES = st.lists(LINES, min_size=1, max_size=6)


@given(STATES)
def test_every_line_is_of_a_state_that_had_it(states):
    lines, owners = attributed(states)

    assert lines == states[-1]
    assert len(owners) == len(lines)
    for line, owner in zip(lines, owners, strict=True):
        assert all(line in state for state in states[owner:])


@given(STATES)
def test_the_last_state_owns_what_it_has_more_of(states):
    lines, owners = attributed(states)
    if len(states) == 1:
        assert set(owners) <= {0}
        return

    before, last = states[-2], states[-1]
    for line in set(last):
        newest = sum(
            owner == len(states) - 1
            for owner, one in zip(owners, lines, strict=True)
            if one == line
        )
        assert newest >= last.count(line) - before.count(line)


@given(STATES)
def test_a_state_that_changes_nothing_owns_nothing(states):
    twice = [state for one in states for state in (one, one)]

    _, owners = attributed(twice)

    assert {owner % 2 for owner in owners} <= {0}
    assert [owner // 2 for owner in owners] == attributed(states)[1]


@given(LINES, LINES)
def test_what_is_put_in_front_and_behind_is_all_that_is_new(head, tail):
    middle = ["x\n", "y\n", "z\n"]

    _, owners = attributed([middle, [*head, *middle, *tail]])

    old = [at for at, owner in enumerate(owners) if owner == 0]
    assert len(old) == 3
    assert all(after == before + 1 for before, after in pairwise(old))
