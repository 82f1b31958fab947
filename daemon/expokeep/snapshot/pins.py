"""Files of one life of a directory that are held open, by path, the oldest first."""

from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from expokeep.snapshot.allowance import Allowance
from expokeep.spool.early import Life
from expokeep.worktree import capture
from expokeep.worktree.capture import Look


@dataclass(slots=True)
class Pin:
    """A file that is held open."""

    fd: int
    look: Look
    """As it was when it was opened, or when its writer closed it."""
    is_closed: bool
    turn: int
    """Of the journal when it was opened."""
    gone_at_s: float | None = None
    """When it was first missed on disk."""


class Pins:
    """Holds them. Not for several threads at once."""

    def __init__(self, life: Life, allowance: Allowance) -> None:
        self._life = life
        self._allowance = allowance
        self.mount: int | None = None
        """That of the root; None of a directory that ended while nobody was there."""
        self._pins: OrderedDict[bytes, Pin] = OrderedDict()
        self._late: list[int] = []
        self.is_read = False
        """Whether somebody reads what is open: its number must not be another's."""

    def __len__(self) -> int:
        return len(self._pins)

    def __iter__(self) -> Iterator[tuple[bytes, Pin]]:
        return iter(list(self._pins.items()))

    def get(self, path: bytes) -> Pin | None:
        """Return what is open of a path."""
        return self._pins.get(path)

    def put(self, path: bytes, pin: Pin) -> None:
        """Hold this instead of what was open of a path."""
        self.let_go(path)
        self._pins[path] = pin

    def let_go(self, path: bytes) -> None:
        """Close what is open of a path, if anything is."""
        pin = self._pins.pop(path, None)
        if pin is not None and self.is_read:
            self._late.append(pin.fd)
        elif pin is not None:
            self._allowance.close(pin.fd)

    def was_read(self) -> None:
        """Close what was let go of while it was read."""
        self.is_read = False
        while self._late:
            self._allowance.close(self._late.pop())

    def let_all_go(self) -> None:
        """Close everything."""
        for path in list(self._pins):
            self.let_go(path)

    def move(self, old: bytes, new: bytes) -> None:
        """Follow a rename."""
        for path in [path for path in self._pins if is_within(path, new)]:
            self.let_go(path)
        for path in [path for path in self._pins if is_within(path, old)]:
            self._pins[new + path[len(old) :]] = self._pins.pop(path)

    def look_at(self, fd: int) -> Look | None:
        """Return what is open, unless it is none of ours, or too big."""
        look = capture.look_at(fd, self._life, self.mount)
        too_big = look is not None and (
            look.size_bytes > self._allowance.limits.max_file_bytes
        )
        return None if too_big else look

    def release(
        self, turn: int, seen: Collection[bytes], gone_before_s: float, now_s: float
    ) -> None:
        """Let go of what a snapshot has seen that began with this turn.

        What is gone from disk stays open for a while, and what its writer has not
        closed for as long as it has a name.
        """
        for path, pin in self:
            if pin.turn >= turn:
                continue
            if not pin.is_closed:
                look = self.look_at(pin.fd)
                if look is None or not look.is_linked:
                    self.let_go(path)
                continue
            if pin.gone_at_s is None:
                pin.gone_at_s = now_s
            if path in seen or pin.gone_at_s <= gone_before_s:
                self.let_go(path)


def is_within(path: bytes, top: bytes) -> bool:
    """Return whether a path is another one, or below it.

    >>> is_within(b"src/a", b"src"), is_within(b"srcs", b"src")
    (True, False)
    """
    return path == top or path.startswith(top + b"/")
