"""The verbs of the control socket that do something."""

import contextlib
import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from expokeep import clock
from expokeep.catalog.values import RootIdentity
from expokeep.control.routes import Call, Document, Lines, Reply
from expokeep.errors import ExpokeepError, NotFound, UsageError
from expokeep.history.documents import (
    Accepted,
    Flushed,
    Paused,
    Progress,
)
from expokeep.log import get
from expokeep.model.names import SessionId, parse_session_id, parse_user
from expokeep.restore.source import Arrival
from expokeep.restore.spooled import SpooledSource
from expokeep.service import bodies
from expokeep.service.asked_save import PROGRESS_EVERY_S, SaveWish, asked_save
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights

log = get(__name__)

BARRIER_S = 5.0
"""How long to wait for all events that happened before a request."""
NOTICE_S = 1.0
CAPTURE_S = 2.0
RECORD_S = 1.0
"""How long a restore waits for what happened to be noticed, captured and recorded."""


class _Flush(msgspec.Struct):
    session: str | None = None
    wait: bool = False
    timeout_s: bodies.Seconds = 30.0


class _Pause(msgspec.Struct):
    session: str | None = None
    for_s: bodies.Seconds | None = None


class _Arrival(msgspec.Struct):
    session: str
    seq: int
    target: str
    device: int
    inode: int
    birth_ns: int
    force: bool = False
    pack: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Acting:
    """Does what is asked of a daemon."""

    parts: Parts
    source: SpooledSource
    rights: Rights

    def save(self, call: Call) -> Reply:
        """Keep a session now, with what a person says of it; wait until it is durable.

        A person has asked, so what is gone is meant to be gone.
        """
        wish = bodies.body(call, SaveWish)
        wish.check()
        self.parts.observer.barrier(BARRIER_S)
        session = self._session(call, call.path["session"])
        self.rights.require_session(call.peer, session)
        if wish.user is not None:
            _checked_user(wish.user)
        wish.user = self.rights.user_named(call.peer, wish.user)
        line = self.parts.board.main_line(session)
        if line is None:
            error = NotFound(f"session {session} has no directory on this host")
            error.hint = "`expokeep status` lists the directories that are watched."
            raise error
        return Lines(asked_save(self.parts, line, wish))

    def flush(self, call: Call) -> Reply:
        """Keep and ship what is unsaved, of one session or of all."""
        wish = bodies.body(call, _Flush)
        self.parts.observer.barrier(BARRIER_S)
        session = self._scope(call, wish.session)
        if session is not None and not self._is_here(session):
            raise NotFound(f"session {session} is not on this host")
        return Lines(self._flushed(session, wish))

    def accept(self, call: Call) -> Reply:
        """Make a version head that did not become it by itself."""
        self.rights.require_operator(call.peer)
        version = self.source.recorded.offer(call.path["ref"]).version
        replaced = self.parts.engine.backends.catalog.accept(version)
        log.info(
            "version accepted",
            session=version.session,
            version=version.seq,
            instead_of=replaced,
        )
        document = Accepted(
            session=version.session, version=version.seq, replaced=replaced
        )
        return Document(_encoded(document))

    def pause(self, call: Call) -> Reply:
        """Hold back uploads; captures go on into the spool."""
        wish = bodies.body(call, _Pause)
        session = self._known(self._scope(call, wish.session))
        self.parts.shipping.pauses.begin(session, wish.for_s)
        self.parts.events.publish("daemon.paused", session, for_s=wish.for_s)
        until = None
        if wish.for_s is not None:
            until = clock.now() + datetime.timedelta(seconds=wish.for_s)
        return self._paused(until)

    def resume(self, call: Call) -> Reply:
        """End a pause."""
        session = self._known(self._scope(call, bodies.body(call, _Pause).session))
        if session is None:
            self.parts.go_on()
        else:
            self.parts.shipping.resume(session)
        self.parts.events.publish("daemon.resumed", session)
        return self._paused(None)

    def arrive(self, call: Call) -> Reply:
        """Learn of a directory that a restore is about to show."""
        told = bodies.body(call, _Arrival)
        session = self._session(call, told.session)
        self.rights.require_session(call.peer, session)
        self._expect(session, told)
        self.source.arriving(
            Arrival(
                session=session,
                seq=told.seq,
                target=Path(told.target),
                device=told.device,
                inode=told.inode,
                birth_ns=told.birth_ns,
                force=told.force,
                pack=told.pack,
            )
        )
        self.parts.events.publish("restore.done", session, seq=told.seq)
        return Document(b'{"message_type":"arrived"}')

    def _expect(self, session: SessionId, told: _Arrival) -> None:
        """See to it that what a restore puts there is not taken for fresh work."""
        capturing = self.parts.engine.snapshotter.capturing
        if capturing is not None:
            identity = RootIdentity(told.device, told.inode, told.birth_ns)
            capturing.lives.expect_restored(session, identity)

    def catch_up(self, begin: str) -> None:
        """Capture what a session has that is not captured yet, before it is restored.

        What waits in the spool is given back as well, so it only has a moment to be
        recorded: then it has a number.
        """
        parts = self.parts
        parts.observer.barrier(NOTICE_S)
        here = {line.directory.session for line in parts.board.lines()}
        # Also one of which nothing is here any more: its last version may be at work.
        here |= {*parts.engine.spool.sessions(), SessionId(begin)}
        for session in sorted(one for one in here if one.startswith(begin)):
            parts.saving.catch_up(session, CAPTURE_S)
            if not parts.shipping.is_held_up(session):
                parts.shipping.hurry(session)
                parts.shipping.wait_empty(session, RECORD_S)
        if parts.telling is not None and parts.catalog_error is None:
            with contextlib.suppress(ExpokeepError):
                parts.telling.tell_ends()

    def _scope(self, call: Call, session: str | None) -> SessionId | None:
        if session is None:
            self.rights.require_operator(call.peer)
            return None
        exact = self._session(call, session)
        self.rights.require_session(call.peer, exact)
        return exact

    def _known(self, session: SessionId | None) -> SessionId | None:
        """Return a session, if there is anything of it that could be held back.

        Raises:
            NotFound: nobody knows it; a misspelt name must not read as done.
        """
        if session is None or self._is_here(session):
            return session
        is_held = session in self.parts.shipping.pauses.now
        if not is_held and self.parts.kept_uid_of(session) is None:
            error = NotFound(f"no session {session} is here, and none is kept")
            error.hint = "`expokeep status` lists those of this host."
            raise error
        return session

    def _is_here(self, session: SessionId) -> bool:
        lines = self.parts.board.lines(session)
        return bool(lines or self.parts.engine.spool.pending(session))

    def _session(self, call: Call, text: str) -> SessionId:
        """Return the session that is meant: of this host first, then of any.

        Only operators may shorten an id, if they say so: to others it must not tell
        which there are.
        """
        try:
            session = parse_session_id(text)
        except ValueError as error:
            raise UsageError(str(error)) from error
        may_shorten = "abbreviated" in call.query and self.rights.is_operator(call.peer)
        if self._is_here(session) or not may_shorten:
            return session
        here = {line.directory.session for line in self.parts.board.lines()}
        fitting = sorted(one for one in here if one.startswith(session))
        if len(fitting) > 1:
            raise UsageError(f"{text} fits several sessions: {', '.join(fitting[:5])}")
        return fitting[0] if fitting else session

    def _flushed(self, session: SessionId | None, wish: _Flush) -> Iterator[bytes]:
        deadline_s = clock.monotonic_s() + wish.timeout_s
        lines = self.parts.board.lines(session)
        for line in lines:
            if line.changed_at is not None:
                self.parts.saving.turnstile.schedule(line.directory)
        waited = False
        if wish.wait:
            yield from self._until_idle(session, deadline_s)
            waited = True
        self.parts.shipping.hurry(session)
        backlog = self.parts.engine.spool.backlog(session)
        yield _encoded(
            Flushed(
                sessions=tuple(sorted({line.directory.session for line in lines})),
                pending=backlog.entries,
                unsaved=sum(line.is_unsaved for line in lines),
                waited=waited,
            )
        )

    def _until_idle(
        self, session: SessionId | None, deadline_s: float
    ) -> Iterator[bytes]:
        """Wait for captures and uploads, telling every second how many are left."""
        board, shipping = self.parts.board, self.parts.shipping
        while clock.monotonic_s() < deadline_s:
            shipping.hurry(session)
            unsaved = [line for line in board.lines(session) if line.is_unsaved]
            if unsaved:
                self.parts.saving.turnstile.wait_idle(PROGRESS_EVERY_S)
            elif shipping.wait_empty(session, PROGRESS_EVERY_S):
                return
            left = len(unsaved) + self.parts.engine.spool.backlog(session).entries
            yield _encoded(Progress(done_bytes=0, total_bytes=0, phase=f"{left} left"))

    def _paused(self, until: datetime.datetime | None) -> Reply:
        held = self.parts.shipping.pauses.now
        document = Paused(
            everything=None in held,
            sessions=tuple(sorted(one for one in held if one is not None)),
            until=until,
        )
        return Document(_encoded(document))


def _checked_user(name: str) -> None:
    try:
        parse_user(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _encoded(document: msgspec.Struct) -> bytes:
    return msgspec.json.encode(document)
