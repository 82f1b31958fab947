"""What an operator holds back, and for how long."""

import math
from dataclasses import dataclass, field

from expokeep import clock
from expokeep.model.names import SessionId


@dataclass(frozen=True, slots=True)
class Pauses:
    """Sessions that are held back, or all of them. Safe from any thread."""

    _ends_s: dict[SessionId | None, float] = field(default_factory=dict)
    """When each ends, on a clock that never jumps; that of None is one of all."""

    @property
    def now(self) -> list[SessionId | None]:
        """Return what is held back now; None stands for all sessions."""
        now_s = clock.monotonic_s()
        return [one for one, end_s in list(self._ends_s.items()) if now_s < end_s]

    def holds(self, session: SessionId) -> bool:
        """Return whether a session is held back."""
        held = self.now
        return session in held or None in held

    def begin(self, session: SessionId | None, for_s: float | None) -> None:
        """Hold a session back, or all of them: for so long, or until `end`."""
        length_s = math.inf if for_s is None else for_s
        self._ends_s[session] = clock.monotonic_s() + length_s

    def end(self, session: SessionId | None) -> None:
        """Hold it back no longer."""
        self._ends_s.pop(session, None)
