"""Tells a removal under way from a person's deletions, by their pace."""

from collections import deque

NOTICED_DELETIONS = 5
"""So many in a second are no person's, but a program's that removes a tree."""
VANISHING_S = 1.0


class Vanishing:
    """The latest deletions in one directory. One thread notes, any may ask.

    >>> vanishing = Vanishing()
    >>> for moment_s in (1.0, 1.1, 1.2, 1.3, 1.4):
    ...     vanishing.note(moment_s)
    >>> vanishing.is_so(1.5), vanishing.is_so(2.1)
    (True, False)
    """

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=NOTICED_DELETIONS)

    def note(self, now_s: float) -> None:
        """Note a deletion."""
        self._times_s.append(now_s)

    def is_so(self, now_s: float) -> bool:
        """Return whether file after file was deleted within the last second."""
        times_s = list(self._times_s)
        return len(times_s) == NOTICED_DELETIONS and now_s - times_s[0] < VANISHING_S
