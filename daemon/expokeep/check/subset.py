"""Which packs are read this time. Pure.

Packs have a place on a ring, by the random end of their id. A share goes on where the
one before it ended, so that all are read in turn, also while packs come and go.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from expokeep.check.values import Amount, Everything, Part, Share, Subset

RING = 1 << 32


class Sized(Protocol):
    """A pack, as far as it matters here."""

    @property
    def id(self) -> UUID:
        """Its name."""
        ...

    @property
    def size_bytes(self) -> int:
        """How much is to be read of it."""
        ...


Pack = TypeVar("Pack", bound=Sized)


def place_of(pack: UUID) -> int:
    """Return where a pack is on the ring."""
    return pack.int % RING


def chosen(
    packs: Iterable[Pack], subset: Subset | None, after: int
) -> tuple[list[Pack], int]:
    """Return the packs to read, and the place on the ring where that ends.

    Args:
        packs: all there are.
        subset: how many of them; None for none.
        after: the place where the reading before this one ended.
    """
    match subset:
        case None:
            return [], after
        case Everything():
            return list(packs), after
        case Part(number, of):
            return [one for one in packs if place_of(one.id) % of == number - 1], after
        case Share(percent):
            known = list(packs)
            all_bytes = sum(one.size_bytes for one in known)
            return _in_turn(known, all_bytes * percent / 100, after)
        case Amount(size_bytes):
            return _in_turn(list(packs), size_bytes, after)


def _in_turn(
    packs: Sequence[Pack], wanted_bytes: float, after: int
) -> tuple[list[Pack], int]:
    turn = sorted(packs, key=lambda one: (place_of(one.id) - after - 1) % RING)
    taken: list[Pack] = []
    taken_bytes = 0
    for pack in turn:
        if taken_bytes >= wanted_bytes:
            break
        taken.append(pack)
        taken_bytes += pack.size_bytes
    return taken, place_of(taken[-1].id) if taken else after
