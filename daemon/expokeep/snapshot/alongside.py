"""What a snapshot does with what was taken early: begins anew, and then lets go.

Nothing of this may fail a snapshot: without it, only more is kept twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from expokeep import clock
from expokeep.errors import NoSpace
from expokeep.log import get
from expokeep.model.tree import Entry
from expokeep.snapshot.life import TakenLife
from expokeep.worktree.index import Index

log = get(__name__)


@dataclass(slots=True)
class Alongside:
    """The early copies of the directory that a snapshot is of, if there are any."""

    life: TakenLife | None
    turn: int | None = None

    @property
    def is_vanishing(self) -> bool:
        """Return whether the directory is being removed right now, as it seems."""
        if self.life is None:
            return False
        return self.life.vanishing.is_so(clock.monotonic_s())

    def begin(self, index: Index) -> None:
        """Note that the snapshot is about to look."""
        if self.life is None:
            return
        try:
            self.turn = self.life.rotate(index.pack)
        except (NoSpace, OSError) as error:
            log.warning("early journal not rotated", error=str(error))

    def looked(self) -> None:
        """Note that the snapshot has looked."""
        if self.life is None or self.turn is None:
            return
        try:
            self.life.scanned()
        except (NoSpace, OSError) as error:
            log.warning("early journal not marked", error=str(error))
            self.turn = None

    def kept(
        self,
        index: Index,
        seen: Collection[bytes],
        believed: Mapping[bytes, Entry] | None,
    ) -> None:
        """Let go of what the snapshot has seen; it is sealed, or nothing had changed.

        Args:
            index: of the newest version.
            seen: what the snapshot found on disk.
            believed: deletions that it recorded by itself; None if a person meant them.
        """
        if self.life is None or self.turn is None:
            return
        try:
            self.life.kept(self.turn, index.pack, seen, believed)
        except (NoSpace, OSError) as error:
            log.warning("early copies stay for now", error=str(error))
