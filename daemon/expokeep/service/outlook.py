"""What is ahead of builds: which go soon, and which are one more than there may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from expokeep import wiring
from expokeep.catalog.builds import Expiring, Whose
from expokeep.errors import ExpokeepError
from expokeep.history.documents import SessionStatus
from expokeep.log import get
from expokeep.model.documents import ExpiringDocument
from expokeep.model.names import SessionId
from expokeep.service.events import Events
from expokeep.service.maintenance import Chore, Stop
from expokeep.service.parts import Parts
from expokeep.service.rights import Caller
from expokeep.wiring import Engine

log = get(__name__)

MOST = 100
WARN_EVERY_S = 3600.0
WARN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a caller may know of it."""

    expiring: Sequence[Expiring] = ()
    over_quota: Mapping[SessionId, str] = field(default_factory=dict)


def outlook(parts: Parts, caller: Caller) -> Outlook:
    """Return what is ahead of a caller's builds; nothing while nobody can tell."""
    if parts.catalog_error is not None:
        return Outlook()
    whose = Whose(owner=caller.user, uid=caller.uid)
    try:
        builds = wiring.builds_of(parts.settings, parts.engine.backends)
        warn_s = parts.settings.retention.warn_before_s
        return Outlook(
            builds.expiring_soon(whose, warn_s=warn_s, limit=MOST),
            builds.over_quota(whose, limit=MOST),
        )
    except ExpokeepError:
        return Outlook()


def expiring(ahead: Outlook) -> tuple[ExpiringDocument, ...]:
    """Return the builds that go soon, as a status tells of them."""
    return tuple(
        ExpiringDocument(
            session=one.session, owner=one.owner, expires_at=one.expires_at
        )
        for one in ahead.expiring
    )


def with_outlook(
    sessions: Sequence[SessionStatus], ahead: Outlook
) -> tuple[SessionStatus, ...]:
    """Return sessions with what is ahead of them."""
    goes = {one.session: one.expires_at for one in ahead.expiring}
    return tuple(
        msgspec.structs.replace(
            one,
            over_quota=ahead.over_quota.get(SessionId(one.session)),
            expires_at=goes.get(SessionId(one.session)),
        )
        for one in sessions
    )


def warning(engine: Engine, events: Events) -> tuple[Chore, ...]:
    """Return what warns of builds that go soon: once, until somebody comes for them."""

    def act(stop: Stop) -> bool:
        del stop
        builds = wiring.builds_of(engine.settings, engine.backends)
        soon = builds.expiring_soon(
            Whose(),
            warn_s=engine.settings.retention.warn_before_s,
            limit=WARN_AT_ONCE,
        )
        news = builds.warned([one.session for one in soon])
        for one in soon:
            if one.session not in news:
                continue
            at = one.expires_at.isoformat(timespec="seconds")
            log.warning("build expires soon", session=one.session, at=at)
            events.publish("expiry.warned", one.session, owner=one.owner, expires_at=at)
        return False

    return (Chore("warn", WARN_EVERY_S, act),)
