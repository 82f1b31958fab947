"""Waits for the end of a removal that is under way where a restore is to go.

The application removes a session's directory without telling anybody, over seconds, the
root last. Who asks "is it missing?" meanwhile must not be told no, and nothing may be
restored into what is still being removed. Nothing is guessed: a removal is a directory
that loses entries while we look, and gains none. To be wrong costs a moment, no file:
what is done afterwards is decided by what is there afterwards.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from expokeep import clock

LOOK_EVERY_S = 0.1
FIRST_LOOK_S = 0.2
"""How long a directory that may be going has to show it."""
CALM_S = 2.0
"""A removal that makes no progress for so long is none, or has stopped."""
MOST_S = 60.0
YOUNG_NS = 10 * 10**9
"""A directory in whose upper levels nothing happened for so long is not going away."""
_MOST_PATHS = 200_000
_LEFT_LAST = frozenset({b"node_modules", b".expo", b".git"})
"""What takes long to remove; of a project that has nothing else the rest is gone."""

Wait = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What was there at one moment."""

    root: tuple[int, int] | None
    """Device and inode; None: there is no directory."""
    paths: frozenset[bytes]

    @property
    def is_remains(self) -> bool:
        """Whether there is nothing but what takes longest to remove."""
        return {path.partition(b"/")[0] for path in self.paths} <= _LEFT_LAST


def wait_for_end(target: Path, wait: Wait | None = None) -> None:
    """Return when nothing removes what is at `target`: often at once.

    Args:
        target: a directory, or nothing.
        wait: pauses for so many seconds; a test looks at what happens meanwhile.
    """
    if not _is_young(target):
        return
    pause = wait or threading.Event().wait
    before = glimpse(target)
    began_s = changed_s = clock.monotonic_s()
    patience_s = CALM_S if before.paths and before.is_remains else FIRST_LOOK_S
    while clock.monotonic_s() < began_s + MOST_S:
        pause(LOOK_EVERY_S)
        now, now_s = glimpse(target), clock.monotonic_s()
        if now.root != before.root or now.paths - before.paths:
            return  # it is gone, or somebody makes something
        if now.paths != before.paths:
            changed_s, patience_s = now_s, CALM_S
        elif now_s - changed_s >= patience_s:
            return
        before = now


def glimpse(target: Path) -> Glimpse:
    """Return what is there, of a bounded number of paths; nothing is opened."""
    try:
        found = target.lstat()
    except OSError:
        return Glimpse(None, frozenset())
    paths: set[bytes] = set()
    waiting = [b""]
    top = os.fsencode(target)
    while waiting and len(paths) < _MOST_PATHS:
        inside = waiting.pop()
        for name, is_directory in _entries(b"%s/%s" % (top, inside)):
            path = b"%s/%s" % (inside, name) if inside else name
            paths.add(path)
            if is_directory:
                waiting.append(path)
    return Glimpse((found.st_dev, found.st_ino), frozenset(paths))


def _entries(directory: bytes) -> list[tuple[bytes, bool]]:
    try:
        with os.scandir(directory) as entries:
            return [(one.name, one.is_dir(follow_symlinks=False)) for one in entries]
    except OSError:
        return []  # it went away, or is not ours to look into


def _is_young(target: Path) -> bool:
    """Return whether entries came or went lately, at the top or just below it."""
    if not target.exists():
        return False
    top, now_ns = os.fsencode(target), clock.now_ns()
    tops = [top, *(b"%s/%s" % (top, name) for name, deep in _entries(top) if deep)]
    for directory in tops:
        try:
            changed_ns = os.lstat(directory).st_ctime_ns
        except OSError:
            return True  # it went away just now
        if abs(now_ns - changed_ns) < YOUNG_NS:
            return True
    return False
