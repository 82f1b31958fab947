"""Deletions that versions recorded by themselves, while they may yet be a removal's."""

import uuid
from collections.abc import Mapping

from expokeep.model.tree import Entry
from expokeep.snapshot.replay import retracted
from expokeep.spool.early import Believed, Reading, flat

REMOVAL_S = 60.0
"""At least so long before its end a removal may have begun."""


class Removal:
    """What may have been the start of a removal. Not for several threads at once."""

    def __init__(self, grace_s: float) -> None:
        self.apart_s = max(grace_s, REMOVAL_S)
        """How far apart the steps of a slow one may be."""
        self.believed: list[Believed] = []

    @property
    def noted_s(self) -> float:
        """When the last deletion was believed."""
        return max((one.at_s for one in self.believed), default=float("-inf"))

    @property
    def paths(self) -> set[bytes]:
        """What was deleted."""
        return {flattened[0] for one in self.believed for flattened in one.gone}

    def learn(self, reading: Reading) -> None:
        """Take up what a former process noted."""
        every = (*reading.known, *reading.doubtful, *reading.fresh)
        records = [told.record for told in every]
        self.believed = [one for one in records if isinstance(one, Believed)]

    def note(
        self,
        believed: Mapping[bytes, Entry] | None,
        newest: uuid.UUID | None,
        now_s: float,
    ) -> None:
        """Note what a version recorded; None: a person asked for it, and meant it all.

        What is too long ago for a removal under way is forgotten.
        """
        if believed is None:
            self.believed.clear()
        elif believed and newest is not None:
            gone = tuple(flat(path, entry) for path, entry in believed.items())
            self.believed.append(Believed(newest.bytes, now_s, gone))
        self.believed = self.until(now_s)

    def until(self, end_s: float) -> list[Believed]:
        """Return the deletions of a removal that ended at this moment."""
        return retracted(self.believed, end_s, self.apart_s)
