"""Counts the events of a daemon. What it counts beside them is counted where it is."""

from expokeep.model.event import Event
from expokeep.service.monitoring.counts import Counts
from expokeep.service.monitoring.here import HOOKS

_SHARES = {
    "share.created": "created",
    "share.imported": "imported",
    "share.revoked": "revoked",
}
_PLAIN = {
    "session.ended": "sessions_ended_total",
    "restore.done": "arrivals_total",
    "quota.exceeded": "quota_refusals_total",
}


class Listening:
    """Hears all events of a process; returns at once."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def heard(self, event: Event) -> None:
        """Count an event, if there is a metric for it."""
        if event.kind == "version.created":
            outcome = "parked" if event.details.get("parked") else "head"
            trigger = str(event.details.get("trigger"))
            self._counts.add("versions_total", trigger, outcome)
        elif event.kind == "hook.done":
            outcome = str(event.details.get("outcome"))
            self._counts.add("hooks_total", HOOKS.get(outcome, outcome))
        elif event.kind in _SHARES:
            self._counts.add("shares_total", _SHARES[event.kind])
        elif event.kind in _PLAIN:
            self._counts.add(_PLAIN[event.kind])
