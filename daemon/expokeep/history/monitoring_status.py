"""How old what is unsaved may get, and where others look at a daemon; of a status."""

import msgspec


class MonitoringStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured, and who can see it."""

    objective_s: float
    """So old an unsaved change may get."""
    beyond_objective: int
    """Sessions, of those that are told of, of which one is older."""
    addr: str = ""
    """Where /metrics is, to operators; empty: nowhere."""
    error: str | None = None
    """Why it is not there, to operators."""
