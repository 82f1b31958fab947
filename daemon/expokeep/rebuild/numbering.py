"""Which number an epoch has, in a catalog that may have given numbers already. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from expokeep.catalog.revival import NOBODY, KnownEpoch, Life, NewEpoch
from expokeep.rebuild.words import Words

MOST_EPOCHS = 1_000_000
MOST_VERSIONS = 2**31 - 1
"""Numbers that no catalog has given."""


@dataclass(slots=True)
class Epochs:
    """The epochs of one session: known ones, those of facts, and those we make up."""

    words: Words
    known: Iterable[KnownEpoch]
    fresh: dict[int, NewEpoch] = field(default_factory=dict)
    """What the catalog does not have yet, by number."""
    _numbers: dict[Life, int] = field(default_factory=dict)
    _aside: dict[int, int] = field(default_factory=dict)
    """Where a chain goes on that another one took the place of."""

    def __post_init__(self) -> None:
        for one in self.known:
            self._numbers[one.life] = one.number
        for life in self.words.epochs:
            self.of_life(life)

    @property
    def highest(self) -> int:
        """The highest number that is taken."""
        return max(self._numbers.values(), default=0)

    def of_life(self, life: Life) -> int:
        """Return the number of a life that a fact speaks of."""
        if life in self._numbers:
            return self._numbers[life]
        word = self.words.epochs[life]
        taken = set(self._numbers.values())
        number = word.body.number
        number = self.highest + 1 if number in taken else number
        self._numbers[life] = number
        self.fresh[number] = NewEpoch(
            number=number,
            life=life,
            base_seq=word.body.base_seq,
            started_at=word.body.started_at,
            ended_at=word.body.ended_at,
        )
        return number

    def of_number(self, number: int, base_seq: int | None = None) -> int:
        """Return the epoch that a manifest means; 0 is one that nobody knows.

        One that is new goes out from version `base_seq`.
        """
        if number > MOST_EPOCHS:
            number = 0  # nobody gave this one; whoever wrote the pack may be hostile
        if base_seq is not None and base_seq > MOST_VERSIONS:
            base_seq = None
        life = self.words.lives.get(number)
        if life in self._numbers:
            return self._numbers[life]
        if number in self._numbers.values():
            return number
        return self.made_up(number or self.highest + 1, base_seq)

    def aside(self, number: int) -> int | None:
        """Return where the chain of an epoch goes on beside it, if it does."""
        return self._aside.get(number)

    def is_aside(self, number: int) -> bool:
        """Return whether an epoch is the side track of another one."""
        return number in self._aside.values()

    def put_aside(self, number: int) -> int:
        """Let a chain go on beside its epoch, which went another way."""
        self._aside[number] = self.made_up(self.highest + 1)
        return self._aside[number]

    def made_up(self, number: int, base_seq: int | None = None) -> int:
        """Make an epoch of which nobody knows whose life it was."""
        life = (NOBODY, 0, number, 0)
        self._numbers[life] = number
        self.fresh[number] = NewEpoch(number, life, base_seq)
        return number
