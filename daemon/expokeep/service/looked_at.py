"""How old what is unsaved is, and who can look at a daemon, as `status` tells it."""

from collections.abc import Sequence

from expokeep import clock
from expokeep.history.documents import SessionStatus
from expokeep.history.monitoring_status import MonitoringStatus
from expokeep.service.parts import Parts


def looked_at(
    parts: Parts, sessions: Sequence[SessionStatus], *, operator: bool
) -> MonitoringStatus:
    """Return it, of the sessions that the caller may see."""
    settings, now = parts.settings, clock.now()
    since = [one.unsaved_since for one in sessions if one.unsaved_since is not None]
    beyond = sum((now - at).total_seconds() > settings.objective_s for at in since)
    error = parts.page_error
    return MonitoringStatus(
        objective_s=settings.objective_s,
        beyond_objective=beyond,
        addr=settings.addr if operator else "",
        error=str(error) if operator and error is not None else None,
    )
