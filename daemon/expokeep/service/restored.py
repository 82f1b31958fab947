"""The verb of the control socket by which those who restore tell how that ended.

They write themselves, so only they know. It is arithmetic for operators: nothing else
depends on it, and nobody is believed more than a day or a petabyte.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from expokeep.control.routes import Call, Document, Handler, Reply
from expokeep.service import bodies
from expokeep.service.monitoring.counts import Counts

_LONGEST_S = 86_400.0
_LARGEST_BYTES = 1 << 50


class Restored(msgspec.Struct):
    """How a restore ended."""

    outcome: Literal["restored", "failed"]
    took_s: Annotated[float, msgspec.Meta(ge=0, le=_LONGEST_S)] = 0.0
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST_BYTES)] = 0
    """Of the files that were brought back."""


@dataclass(frozen=True, slots=True)
class RestoredRoutes:
    """Counts restores."""

    counts: Counts

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be told."""
        return (("POST", "/v1/restores", self.ended),)

    def ended(self, call: Call) -> Reply:
        """Count a restore. Open to everybody, and asks nobody: a session waits for it.

        Whose it was would prove nothing: anybody can restore what is theirs as often
        as they like.
        """
        told, counts = bodies.body(call, Restored), self.counts
        counts.add("restores_total", told.outcome)
        if told.outcome == "restored":
            counts.took("restore_duration_seconds", told.took_s)
            counts.add("restored_bytes_total", amount=told.size_bytes)
        return Document(b'{"message_type":"noted"}')
