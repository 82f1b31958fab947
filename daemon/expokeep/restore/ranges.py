"""Which parts of which objects hold some contents. Pure.

A request costs more than a gap: frames that lie close together are fetched in one go,
and a range stays small enough for several to be on their way at once. What counts is
also what the frames hold: a few bytes of a pack may unfold to more than any memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from expokeep.catalog.values import Place
from expokeep.pack.format import MAX_FRAME_BYTES

GAP_BYTES = 64 * 1024
RANGE_BYTES = 2 * 1024 * 1024
UNFOLDED_BYTES = MAX_FRAME_BYTES
"""What the frames of a range hold together, unless it is one frame that is streamed."""


@dataclass(frozen=True, slots=True)
class Range:
    """A part of an object, and the contents whose frames lie in it."""

    key: str
    start: int
    length: int
    places: tuple[Place, ...]

    @property
    def is_streamed(self) -> bool:
        """Whether it is one frame that is too large to be held in memory."""
        first = self.places[0]
        return self.length > RANGE_BYTES or first.frame_raw_length > UNFOLDED_BYTES


def coalesced(
    places: Iterable[Place], *, gap: int = GAP_BYTES, most: int = RANGE_BYTES
) -> list[Range]:
    """Return the ranges to fetch, by object and offset.

    Args:
        places: where each of the wanted contents is.
        gap: bytes that are rather fetched than skipped.
        most: bytes in a range, unless a single frame is longer.
    """
    ranges: list[Range] = []
    current: list[Place] = []
    unfolded_bytes = 0
    for place in sorted(places, key=lambda place: (place.key, place.frame_offset)):
        is_same = bool(current) and _frame(current[-1]) == _frame(place)
        more_bytes = 0 if is_same else place.frame_raw_length
        fits = unfolded_bytes + more_bytes <= UNFOLDED_BYTES
        if current and not (fits and _joins(current, place, gap, most)):
            ranges.append(_range(current))
            current, unfolded_bytes, more_bytes = [], 0, place.frame_raw_length
        current.append(place)
        unfolded_bytes += more_bytes
    if current:
        ranges.append(_range(current))
    return ranges


def pieces(whole: Range, *, most: int) -> list[tuple[int, int]]:
    """Return (start, length) of the parts in which a large range is fetched."""
    end = whole.start + whole.length
    return [(start, min(most, end - start)) for start in range(whole.start, end, most)]


def _joins(current: Sequence[Place], place: Place, gap: int, most: int) -> bool:
    first, last = current[0], current[-1]
    end = place.frame_offset + place.frame_length
    return (
        place.key == first.key
        and place.frame_offset <= last.frame_offset + last.frame_length + gap
        and end - first.frame_offset <= most
    )


def _frame(place: Place) -> tuple[str, int]:
    return place.key, place.frame_offset


def _range(places: Sequence[Place]) -> Range:
    start = places[0].frame_offset
    end = max(place.frame_offset + place.frame_length for place in places)
    return Range(places[0].key, start, end - start, tuple(places))
