"""The verbs of the control socket that are for an operator's hands, and `events`."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from expokeep import clock
from expokeep.catalog.auditing import AuditRow, PostgresAudit
from expokeep.control.routes import Call, Document, Handler, Lines, Reply
from expokeep.errors import ConfigError, NotFound, UsageError
from expokeep.history.operating import AuditDocument, AuditList
from expokeep.model.event import Event, Heartbeat
from expokeep.model.names import SessionId
from expokeep.model.version import parse_moment
from expokeep.service import bodies
from expokeep.service.draining import Draining
from expokeep.service.parts import Parts
from expokeep.service.reloading import Reloading
from expokeep.service.rights import Rights

MAX_ACTS = 10_000


class _Drain(msgspec.Struct):
    timeout_s: bodies.Seconds = 120.0


@dataclass(frozen=True, slots=True)
class OperatingRoutes:
    """Tells what happens and what was done, drains, and reads settings again."""

    parts: Parts
    rights: Rights
    audit: PostgresAudit | None
    reloading: Reloading
    draining: Draining

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("GET", "/v1/events", self.events),
            ("GET", "/v1/audit", self.acts),
            ("POST", "/v1/drain", self.drain),
            ("POST", "/v1/reload", self.reload),
        )

    def events(self, call: Call) -> Reply:
        """Tell what happened, and go on telling if that is asked for.

        Operators hear of everything, others of their own sessions.
        """
        follow = _one(call, "follow") not in (None, "", "0")
        since, named = _moment(call), _one(call, "session")
        session = None if named is None else bodies.session(named)
        if session is not None:
            self.rights.require_session(call.peer, session)
        after = _number(call, "after")
        told = _Told(self.rights, call, session)
        first = [
            event
            for event in self.parts.events.since(after)
            if since is None or event.at >= since
        ]
        newest = first[-1].number if first else self.parts.events.newest
        return Lines(self._told(told, first, newest, follow=follow))

    def acts(self, call: Call) -> Reply:
        """Tell who destroyed something or changed rights."""
        self.rights.require_operator(call.peer)
        if self.audit is None:
            raise ConfigError("no database is configured, so there is no audit")
        limit = _number(call, "limit") or 1000
        if not 0 < limit <= MAX_ACTS:
            raise UsageError(f"limit is a number from 1 to {MAX_ACTS}")
        session = _one(call, "session")
        rows = self.audit.acts(session, _moment(call), limit + 1)
        told = AuditList(
            acts=tuple(_act(row) for row in rows[:limit]), truncated=len(rows) > limit
        )
        return Document(msgspec.json.encode(told))

    def drain(self, call: Call) -> Reply:
        """Make this host ready for maintenance."""
        self.rights.require_operator(call.peer)
        wish = bodies.body(call, _Drain)
        return Lines(
            msgspec.json.encode(one) for one in self.draining.drained(wish.timeout_s)
        )

    def reload(self, call: Call) -> Reply:
        """Read the configuration again."""
        self.rights.require_operator(call.peer)
        return Document(msgspec.json.encode(self.reloading.reload()))

    def _told(
        self, told: "_Told", first: Sequence[Event], newest: int, *, follow: bool
    ) -> Iterator[bytes]:
        """Yield events; a heartbeat when all is told, and whenever nothing happens."""
        yield from told.of(first)
        yield _heartbeat(newest)
        if not follow:
            return
        for batch in self.parts.events.batches(newest):
            newest = batch[-1].number if batch else newest
            yield from told.of(batch)
            if not batch:
                yield _heartbeat(newest)


@dataclass(frozen=True, slots=True)
class _Told:
    """What one caller may hear of, and wants to."""

    rights: Rights
    call: Call
    session: SessionId | None

    def of(self, events: Sequence[Event]) -> Iterator[bytes]:
        """Yield those of these events."""
        seen: dict[str | None, bool] = {}
        for event in events:
            if self.session not in (None, event.session):
                continue
            if event.session not in seen:
                seen[event.session] = self._may_hear(event.session)
            if seen[event.session]:
                yield msgspec.json.encode(event)

    def _may_hear(self, session: str | None) -> bool:
        # Asked each time: rights may change while somebody follows.
        if self.rights.is_operator(self.call.peer):
            return True
        if session is None:
            return False
        try:
            self.rights.require_session(self.call.peer, SessionId(session))
        except NotFound:
            return False
        return True


def _heartbeat(newest: int) -> bytes:
    return msgspec.json.encode(Heartbeat(number=newest))


def _act(row: AuditRow) -> AuditDocument:
    return AuditDocument(
        id=row.id,
        at=row.at,
        host=row.host,
        uid=row.uid,
        user=row.username,
        action=row.action,
        subject=row.subject,
        session=row.session,
        details=row.details,
        ended_at=row.ended_at,
        exit_code=row.exit_code,
        error=row.error,
    )


def _one(call: Call, name: str) -> str | None:
    values = call.query.get(name, ())
    return values[-1] if values else None


def _number(call: Call, name: str) -> int | None:
    text = _one(call, name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise UsageError(f"{name} is a number, not {text!r}")
    return int(text)


def _moment(call: Call) -> datetime.datetime | None:
    text = _one(call, "since")
    if not text:
        return None
    try:
        return parse_moment(text, now=clock.now())
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no time; write 2h or 2026-11-24") from error
