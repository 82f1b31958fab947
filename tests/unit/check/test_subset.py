import random
import uuid
from dataclasses import dataclass, field

import pytest

from expokeep.check.subset import chosen, place_of
from expokeep.check.values import Amount, Everything, Part, Share

CHANCE = random.Random(7)


@dataclass(frozen=True)
class Pack:
    size_bytes: int = 100
    id: uuid.UUID = field(
        default_factory=lambda: uuid.UUID(int=CHANCE.getrandbits(128))
    )


PACKS = [Pack() for _ in range(100)]


def test_nothing_and_everything():
    assert chosen(PACKS, None, 5) == ([], 5)
    assert chosen(PACKS, Everything(), 5) == (PACKS, 5)


def test_parts_are_the_same_each_time_and_together_everything():
    parts = [chosen(PACKS, Part(number, 3), 0)[0] for number in (1, 2, 3)]

    together = [one for part in parts for one in part]
    assert sorted(together, key=PACKS.index) == PACKS
    assert chosen(PACKS, Part(2, 3), 77)[0] == parts[1]


@pytest.mark.parametrize("subset", [Share(10.0), Amount(1000)])
def test_shares_go_round_until_all_had_their_turn(subset):
    after, seen = 0, []
    for _ in range(10):
        taken, after = chosen(PACKS, subset, after)
        seen += taken

    assert len(seen) == 100
    assert set(seen) == set(PACKS)
    assert chosen(PACKS, subset, after)[0] == seen[:10]  # and begin anew


def test_packs_that_come_and_go_disturb_no_turn():
    packs, after, seen = list(PACKS), 0, set()
    for _ in range(30):
        taken, after = chosen(packs, Share(10.0), after)
        seen |= set(taken)
        packs = [one for one in packs if one not in taken[:1]] + [Pack()]

    assert set(PACKS) <= seen


def test_at_least_one_is_read_however_large_it_is():
    large = Pack(1 << 40)

    assert chosen([large], Share(0.01), 0) == ([large], place_of(large.id))
    assert chosen([], Share(1.0), 3) == ([], 3)
