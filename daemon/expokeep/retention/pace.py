"""How fast maintenance goes, and when it ends: others must not suffer from it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from expokeep import clock

REST_MAX_S = 60.0
_LOOK_EVERY_S = 0.5


def _never() -> bool:
    return False


def resting(stop: Callable[[], bool]) -> Callable[[float], None]:
    """Return what waits, and is woken soon after we are to stop."""
    silence = threading.Event()

    def rest(seconds: float) -> None:
        until_s = clock.monotonic_s() + min(seconds, REST_MAX_S)
        while (left_s := until_s - clock.monotonic_s()) > 0 and not stop():
            clock.wait(silence, min(left_s, _LOOK_EVERY_S))

    return rest


@dataclass(slots=True)
class Pace:
    """Asked between steps. What is cut short goes on another time."""

    stop: Callable[[], bool] = _never
    max_s: float | None = None
    """So long at most; None: until all is done."""
    busy_share: float = 1.0
    """How much of the time is spent on work; the rest is rest."""
    rest: Callable[[float], None] = lambda _: None
    """Waits for so many seconds, or until we are to stop."""
    _began_s: float = field(default_factory=clock.monotonic_s)
    _step_s: float = field(default_factory=clock.monotonic_s)

    def goes_on(self) -> bool:
        """Rest in proportion to the last step; return whether there is to be another.

        >>> rested = []
        >>> Pace(busy_share=0.5, rest=rested.append).goes_on(), len(rested)
        (True, 1)
        >>> Pace(stop=lambda: True).goes_on(), Pace(max_s=0).goes_on()
        (False, False)
        """
        if self.is_over:
            return False
        worked_s = clock.monotonic_s() - self._step_s
        if self.busy_share < 1:
            self.rest(worked_s * (1 / self.busy_share - 1))
        self._step_s = clock.monotonic_s()
        return not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether there must be no further step."""
        spent_s = clock.monotonic_s() - self._began_s
        return self.stop() or (self.max_s is not None and spent_s >= self.max_s)
