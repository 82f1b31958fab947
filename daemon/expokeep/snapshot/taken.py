"""The newest record of each path in an early journal, as far as it still matters."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import msgspec

from expokeep.snapshot.pins import is_within
from expokeep.spool.early import FileTaken, LinkTaken, Moved, Reading, Stored


@dataclass(slots=True)
class Latest:
    """A record, and where its contents lie."""

    record: FileTaken | LinkTaken
    stored: Stored
    quick: bytes
    """Of the contents, to know them again; empty if nobody computed it."""
    turn: int
    """Of the journal when it was written."""


class TakenPaths:
    """Follows what is written into a journal. Not for several threads at once."""

    def __init__(self) -> None:
        self._latest: dict[bytes, Latest] = {}

    def add(self, latest: Latest) -> None:
        """Note the newest record of a path."""
        self._latest[latest.record.path] = latest

    def turn_of(self, path: bytes) -> int | None:
        """Return when the newest record of a path was written."""
        latest = self._latest.get(path)
        return None if latest is None else latest.turn

    def is_same(self, record: FileTaken, quick: bytes, turn: int) -> bool:
        """Return whether this would say again what the newest record says.

        One of an earlier turn does not count: the snapshot that comes drops it.
        """
        latest = self._latest.get(record.path)
        if latest is None or not isinstance(latest.record, FileTaken):
            return False
        before = (latest.quick, latest.record.mode, latest.turn)
        return before == (quick, record.mode, turn)

    def move(self, old: bytes, new: bytes) -> None:
        """Follow a rename."""
        for path in [path for path in self._latest if is_within(path, new)]:
            del self._latest[path]
        for path in [path for path in self._latest if is_within(path, old)]:
            latest, here = self._latest.pop(path), new + path[len(old) :]
            latest.record = msgspec.structs.replace(latest.record, path=here)
            self._latest[here] = latest

    def learn(self, reading: Reading) -> None:
        """Take up what a former process wrote."""
        for told in (*reading.known, *reading.doubtful, *reading.fresh):
            match told.record:
                case FileTaken() | LinkTaken() as record:
                    self.add(Latest(record, told.stored, b"", 0))
                case Moved(old, new):
                    self.move(old, new)
                case _:
                    pass

    def missing(
        self, turn: int, seen: Collection[bytes], now_s: float
    ) -> Iterator[Latest]:
        """Yield what was taken before a turn, and is not on disk any more.

        Each with the time at which it was first missed.
        """
        for path, latest in self._latest.items():
            if latest.turn < turn and path not in seen:
                if latest.record.gone_at_s is None:
                    latest.record = msgspec.structs.replace(
                        latest.record, gone_at_s=now_s
                    )
                yield latest

    def forget(self, turn: int, but: Collection[bytes]) -> None:
        """Drop what was taken before a turn, but for some paths."""
        for path, latest in list(self._latest.items()):
            if latest.turn < turn and path not in but:
                del self._latest[path]
