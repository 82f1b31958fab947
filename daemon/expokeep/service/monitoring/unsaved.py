"""What of this host is in no recorded version yet, and since when. Asks only memory."""

import datetime
from collections.abc import Mapping

from expokeep.model.names import SessionId
from expokeep.service.parts import Parts

Since = Mapping[SessionId, datetime.datetime]
"""By session: when its oldest change happened that is in no recorded version."""


def unsaved(parts: Parts) -> Since:
    """Return the sessions that have something unsaved, captured or not.

    Of what waits in the spool, the time of the snapshot counts.
    """
    found: dict[SessionId, datetime.datetime] = {}
    for line in parts.board.lines():
        if (at := line.unsaved_since) is not None:
            session = line.directory.session
            found[session] = min(at, found.get(session, at))
    spool = parts.engine.spool
    for session in spool.sessions():
        for entry in spool.pending(session):
            at = entry.note.waits_since
            found[session] = min(at, found.get(session, at))
    return found


def ages_s(since: Since, now: datetime.datetime) -> list[float]:
    """Return how old they are; a clock that jumped back makes nothing negative.

    >>> noon = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
    >>> ages_s({SessionId("shop"): noon}, noon + datetime.timedelta(minutes=1))
    [60.0]
    >>> ages_s({SessionId("shop"): noon}, noon - datetime.timedelta(days=400))
    [0.0]
    """
    return [max(0.0, (now - at).total_seconds()) for at in since.values()]
