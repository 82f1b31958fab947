"""Decides which packs of a chain become one. Values in, values out.

A chain is told by packs, one behind the other. A base and a merge begin with a full
listing; the others say what changed since the version before. So a run that becomes one
pack must end with a version that is kept: what comes after it goes out from there.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from expokeep.catalog.caring import Chain, Link, LiveBlob

FAN = 16
"""So many packs of a level become one of the next."""
TOP = 3
"""No level is higher: what is there would be written over and over."""
LARGE_BYTES = 1024 * 1024
"""Contents of this size or more stay where they are, if that is not for little."""
WASTE_SHARE = 0.3
"""A pack of which more than this is dead is written anew."""
MERGED_BYTES = 512 * 1024 * 1024
"""No merge takes in more than this; the rest stays where it is."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours in a chain that become one pack."""

    links: tuple[Link, ...]
    level: int
    """Of the pack that they become."""

    @property
    def packs(self) -> tuple[uuid.UUID, ...]:
        """Their ids."""
        return tuple(link.pack for link in self.links)


def tellers(chain: Chain) -> list[Link]:
    """Return the links that are needed to tell the chain, in its order."""
    whole = [link for link in chain.links if link.kind in ("base", "merge")]
    return [link for link in chain.links if not _is_told_by(whole, link)]


def run_to_merge(chain: Chain, *, fan: int = FAN, top: int = TOP) -> Run | None:
    """Return the next packs that become one of the next level, if there are enough.

    The newest packs have the lowest levels, so they are looked for from the end.
    """
    told = tellers(chain)
    for level in range(top):
        first = len(told)
        while first and told[first - 1].level <= level:
            first -= 1
        of_level = [i for i in range(first, len(told)) if told[i].level == level]
        if len(of_level) >= fan:
            run = _up_to_a_kept_one(told, of_level[0], of_level[fan - 1], chain.kept)
            if run is not None:
                return Run(run, level + 1)
    return None


def runs_to_repack(chain: Chain, wasteful: Collection[uuid.UUID]) -> list[Run]:
    """Return the packs that are written anew because too much of them is dead.

    Neighbours go together, and keep their level: nothing is merged before its time.
    """
    told = tellers(chain)
    runs: list[Run] = []
    place = 0
    while place < len(told):
        end = place
        while end < len(told) and told[end].pack in wasteful:
            end += 1
        if end > place:
            run = _up_to_a_kept_one(told, place, end - 1, chain.kept)
            if run is not None:
                runs.append(Run(run, max(link.level for link in run)))
                end = place + len(run)
        place = max(end, place + 1)
    return runs


def to_move(blobs: Sequence[LiveBlob], totals: dict[uuid.UUID, int]) -> list[LiveBlob]:
    """Return what goes into a merge, in its order: the newest version's files first.

    Large contents stay where they are, unless they would keep a pack alive that is
    mostly dead without the rest. `totals` says how much each pack holds, compressed.
    """
    staying: dict[uuid.UUID, float] = {}
    for blob in blobs:
        if blob.place.size_bytes >= LARGE_BYTES:
            pack = blob.place.pack
            staying[pack] = staying.get(pack, 0.0) + _stored_bytes(blob)
    firm = {
        pack
        for pack, stays in staying.items()
        if stays >= (1 - WASTE_SHARE) * totals.get(pack, 0)
    }
    moving, room_bytes = [], MERGED_BYTES
    for blob in sorted(blobs, key=lambda blob: not blob.in_head):
        is_large = blob.place.size_bytes >= LARGE_BYTES
        if is_large and blob.place.pack in firm:
            continue
        room_bytes -= blob.place.size_bytes
        if room_bytes < 0:
            break
        moving.append(blob)
    return moving


def _stored_bytes(blob: LiveBlob) -> float:
    place = blob.place
    return place.frame_length * place.size_bytes / place.frame_raw_length


def _up_to_a_kept_one(
    told: Sequence[Link], first: int, last: int, kept: Collection[int]
) -> tuple[Link, ...] | None:
    """Return the run from `first` to `last`, or a bit longer; None: there is no end."""
    ends = frozenset(kept)
    while last < len(told) and told[last].tells_to not in ends:
        last += 1
    return tuple(told[first : last + 1]) if last < len(told) else None


def _is_told_by(whole: Sequence[Link], link: Link) -> bool:
    return any(
        other.tells_from <= link.tells_from
        and (other.tells_to, other.pack) > (link.tells_to, link.pack)
        for other in whole
    )
