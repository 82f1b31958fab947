"""When the main thread of a daemon last found all well, and whether it is ending."""

from expokeep import clock

_BEATS_MISSED = 3
"""Until nobody believes any more that the next one comes."""


class Pulse:
    """Told by the main thread, asked by any."""

    def __init__(self) -> None:
        self._beat_s = clock.monotonic_s()
        self._every_s = 60.0
        self.beats = 0
        """Those that were good."""
        self.beat_at_s = 0.0
        """By the wall clock, when the last good one was; 0: never."""
        self.is_stopping = False

    def beat(self, *, is_well: bool, every_s: float) -> None:
        """Note a round of the main thread; the next one is due in so many seconds."""
        self._beat_s, self._every_s = clock.monotonic_s(), every_s
        if is_well:
            self.beats += 1
            self.beat_at_s = clock.now().timestamp()

    def late_s(self) -> float:
        """Return for how long no round came, if that is too long; otherwise 0."""
        if self.is_stopping:
            return 0.0
        age_s = clock.monotonic_s() - self._beat_s
        return age_s if age_s > _BEATS_MISSED * self._every_s else 0.0
