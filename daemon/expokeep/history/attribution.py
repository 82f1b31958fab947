"""Which state of a file each of its lines came with. Pure.

States come oldest first. A line belongs to the state that first had it and from which
on it was never gone: what was cut and put elsewhere is new there, as `diff` says.
"""

import difflib
from collections.abc import Iterable, Sequence
from itertools import takewhile

from expokeep.history.patch_text import MAX_PAIRS


def attributed(states: Iterable[Sequence[str]]) -> tuple[list[str], list[int]]:
    r"""Return the lines of the last state, and for each the number of its own state.

    >>> attributed([["a\n", "b\n"], ["a\n", "c\n", "b\n"]])
    (['a\n', 'c\n', 'b\n'], [0, 1, 0])
    """
    lines: list[str] = []
    owners: list[int] = []
    for number, state in enumerate(states):
        owners = _carried(lines, list(state), owners, number)
        lines = list(state)
    return lines, owners


def _carried(
    old: list[str], new: list[str], owners: list[int], number: int
) -> list[int]:
    """Return whose each line of `new` is."""
    start = _common(old, new)
    tail = min(
        _common(list(reversed(old)), list(reversed(new))),
        min(len(old), len(new)) - start,
    )
    before, after = old[start : len(old) - tail], new[start : len(new) - tail]
    middle = [number] * len(after)
    if len(before) * len(after) <= MAX_PAIRS:
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        for was_at, is_at, length in matcher.get_matching_blocks():
            first = start + was_at
            middle[is_at : is_at + length] = owners[first : first + length]
    return owners[:start] + middle + owners[len(owners) - tail :]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
