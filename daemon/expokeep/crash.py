"""Places where a test may kill the process, or have a thread of it hang for ever.

`EXPOKEEP_CRASH=after-put:3`, `EXPOKEEP_HANG=after-put:3`. Random kills rarely hit the
middle of anything. The variables are read once, when the daemon starts; without them a
point costs one comparison.
"""

import os
import signal
import threading
from collections.abc import Mapping

SNAPSHOT = (
    "after-scan",
    "after-begin",
    "after-seal",
    "after-index",
    "after-put",
    "after-commit",
)
FORGETTING = (
    "after-forget",
    "after-expire",
    "after-purge",
    "after-retire",
    "after-doom",
    "after-delete-objects",
    "after-bury",
    "after-abort-upload",
    "after-merge-intent",
    "after-merge-build",
    "after-merge-put",
    "after-merge-swap",
)
CAPTURING = ("after-capture", "before-final", "after-final-seal")
FOLDING = ("after-fold-seal", "mid-fold-drop")
REBUILDING = (
    "after-rebuild-begin",
    "after-rebuild-head",
    "after-rebuild-expect",
    "after-rebuild-session",
    "after-rebuild-end",
    "after-facts-put",
)
FORKING = ("after-fork-begin", "after-fork-seal")
SHARING = ("after-share-reserve", "after-share-begin")
POINTS = SNAPSHOT + FORGETTING + FOLDING + REBUILDING + CAPTURING + FORKING + SHARING

_left: dict[str, int] = {}
_hangs: set[str] = set()


def arm(environ: Mapping[str, str]) -> None:
    """Heed `EXPOKEEP_CRASH`: `NAME` or `NAME:N` for the Nth time that NAME is passed.

    `EXPOKEEP_HANG` is the same, for the thread that passes it.

    Raises:
        ValueError: there is no such point.
    """
    _hangs.clear()
    for variable in ("EXPOKEEP_CRASH", "EXPOKEEP_HANG"):
        wish = environ.get(variable)
        if not wish:
            continue
        name, _, count = wish.partition(":")
        if name not in POINTS:
            raise ValueError(f"no crash point {name!r}; there are {', '.join(POINTS)}")
        _left[name] = int(count or 1)
        if variable == "EXPOKEEP_HANG":
            _hangs.add(name)


def point(name: str) -> None:
    """Die here without a word, as by kill -9, or hang, if a test has asked for it."""
    if name not in _left:
        return
    _left[name] -= 1
    if _left[name] == 0 and name in _hangs:
        threading.Event().wait()
    elif _left[name] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
