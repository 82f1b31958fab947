"""The verbs of the control socket that let go of what is kept, and those that hold it.

What lets go is for operators, and sessions as a whole for who owns them. Whose a
session is may label and pin its versions.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from expokeep import clock, wiring
from expokeep.catalog.caring import WasDeleted
from expokeep.control.routes import Call, Handler, Lines, Reply
from expokeep.errors import Busy, NotFound, UsageError
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.model.version import Version, is_label
from expokeep.retention import documents
from expokeep.retention.pace import Pace
from expokeep.service import bodies
from expokeep.service.parts import Parts
from expokeep.service.retained import (
    collected_document,
    deleted_document,
    forgotten_document,
    session_deleted,
)
from expokeep.service.retaining_chores import COLLECT
from expokeep.service.retaining_wishes import (
    CollectWish,
    DeleteWish,
    ForgetWish,
    LabelWish,
    PinWish,
)
from expokeep.service.rights import Rights

log = get(__name__)


MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class RetainingRoutes:
    """Forgets, deletes, collects, labels and pins for whoever asks."""

    parts: Parts
    rights: Rights

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        session, version = "/v1/sessions/{session}", "/v1/versions/{ref}"
        return (
            ("GET", "/v1/deleted", self.deleted),
            ("POST", "/v1/forget", self.forget),
            ("POST", "/v1/gc", self.collect),
            ("POST", f"{session}/delete", self.delete),
            ("POST", f"{session}/undelete", self.undelete),
            ("POST", f"{session}/unlabel", self.unlabel),
            ("POST", f"{version}/label", self.label),
            ("POST", f"{version}/pin", self.pin),
            ("POST", f"{version}/unpin", self.unpin),
        )

    def deleted(self, call: Call) -> Reply:
        """List deleted sessions: all of them to an operator, their own to others."""
        caller = self.rights.caller(call.peer)
        found = self._retaining().deletions.deleted(
            owner=caller.user, uid=caller.uid, limit=MAX_LISTED + 1
        )
        shown = found[:MAX_LISTED]
        return bodies.document(
            documents.DeletedList(
                sessions=tuple(deleted_document(one, self._grace_s) for one in shown),
                truncated=len(found) > MAX_LISTED,
            )
        )

    def forget(self, call: Call) -> Reply:
        """Forget versions by rule, of one session or of all."""
        self.rights.require_operator(call.peer)
        wish = bodies.body(call, ForgetWish)
        retaining = self._retaining()
        session = retaining.naming.session(wish.session) if wish.session else None
        return Lines(_forgotten(retaining, wish, session))

    def collect(self, call: Call) -> Reply:
        """Collect what is not kept any more."""
        self.rights.require_operator(call.peer)
        wish = bodies.body(call, CollectWish)
        maintenance, collector = self.parts.maintenance, self._retaining().collector
        if wish.dry_run or maintenance is None:
            found = collector.preview(Pace(max_s=wish.max_time_s))
        else:
            with maintenance.in_place_of(COLLECT) as (stop, done):
                found = collector.run(Pace(stop, wish.max_time_s))
                if found.swept.is_done:
                    done()  # whoever waits for the chore need not any more
        return bodies.document(collected_document(found, dry_run=wish.dry_run))

    def delete(self, call: Call) -> Reply:
        """Hide a session, and free its bytes when the grace is over."""
        wish, session = bodies.body(call, DeleteWish), _session(call)
        self.rights.require_owner(call.peer, session)
        if wish.now:
            self.rights.require_operator(call.peer)
        retaining = self._retaining()
        weight = retaining.deletions.weight(session)
        gone_at = None
        if not wish.now:
            gone_at = clock.now() + datetime.timedelta(seconds=self._grace_s)
        if not weight.versions:
            raise NotFound(f"no session {session} is kept")
        wiring.templates_of(self.parts.engine.backends).require_none(session)
        if not wish.dry_run:
            is_new = retaining.deletions.delete(session)
            if not (is_new or wish.now):
                raise WasDeleted(session)
            if wish.now and not retaining.collector.purge_now(session):
                raise Busy(f"a host still holds what it has not recorded of {session}")
            log.info("session deleted", session=session, now=wish.now)
            self.parts.events.publish("session.deleted", session, now=wish.now)
        return bodies.document(
            session_deleted(session, weight, gone_at, dry_run=wish.dry_run)
        )

    def undelete(self, call: Call) -> Reply:
        """Bring a deleted session back."""
        session = _session(call)
        self.rights.require_owner(call.peer, session)
        if not self._retaining().deletions.undelete(session):
            raise NotFound(f"no deleted session {session} can be had back")
        log.info("session undeleted", session=session)
        self.parts.events.publish("session.undeleted", session)
        return bodies.document(documents.SessionUndeleted(session=session))

    def label(self, call: Call) -> Reply:
        """Give a label to a version; it is on no other then."""
        name = _label(bodies.body(call, LabelWish).name)
        version = self._version(call)
        before = self._retaining().marks.label(version, name)
        return bodies.document(
            documents.Labelled(
                session=version.session,
                label=name,
                version=version.seq,
                before=before,
            )
        )

    def unlabel(self, call: Call) -> Reply:
        """Take a label away."""
        wish, session = bodies.body(call, LabelWish), _session(call)
        name, retaining = _label(wish.name), self._retaining()
        self.rights.require_kept(call.peer, session)
        if wish.dry_run:
            before = retaining.naming.version(f"{session}@label:{name}").seq
        else:
            before = retaining.marks.unlabel(session, name)
        return bodies.document(
            documents.Labelled(
                session=session,
                label=name,
                version=None,
                before=before,
                dry_run=wish.dry_run,
            )
        )

    def pin(self, call: Call) -> Reply:
        """Keep a version for ever."""
        return self._pinned(call, is_pinned=True)

    def unpin(self, call: Call) -> Reply:
        """Let a version be forgotten by rule."""
        return self._pinned(call, is_pinned=False)

    def _pinned(self, call: Call, *, is_pinned: bool) -> Reply:
        wish, version = bodies.body(call, PinWish), self._version(call)
        if not wish.dry_run:
            self._retaining().marks.pin(version, is_pinned=is_pinned)
        return bodies.document(
            documents.Pinned(
                session=version.session,
                version=version.seq,
                is_pinned=is_pinned,
                dry_run=wish.dry_run,
            )
        )

    def _version(self, call: Call) -> Version:
        """Return the version that is meant, of a session named by its whole id."""
        ref = call.path["ref"]
        session = bodies.session(ref.partition("@")[0])
        self.rights.require_kept(call.peer, session)
        return self._retaining().naming.version(ref)

    def _retaining(self) -> wiring.Retaining:
        engine = self.parts.engine
        return wiring.retaining_of(
            engine.settings, engine.backends, engine.fetcher, engine.host
        )

    @property
    def _grace_s(self) -> float:
        return self.parts.settings.retention.grace_s


def _forgotten(
    retaining: wiring.Retaining, wish: ForgetWish, session: SessionId | None
) -> Iterator[bytes]:
    sessions = versions = content_bytes = 0
    for found in retaining.forgetter.run(
        wish.rules(retaining.rules),
        None if session is None else [session],
        Pace(),
        dry_run=wish.dry_run,
    ):
        sessions += 1
        versions += len(found.seqs)
        content_bytes += found.weight.size_bytes
        one = forgotten_document(found, dry_run=wish.dry_run)
        yield msgspec.json.encode(one)
    ended = documents.ForgetEnded(
        sessions=sessions,
        versions=versions,
        content_bytes=content_bytes,
        dry_run=wish.dry_run,
    )
    yield msgspec.json.encode(ended)


def _session(call: Call) -> SessionId:
    return bodies.session(call.path["session"])


def _label(name: str) -> str:
    if not is_label(name):
        raise UsageError("a label has 1 to 100 characters, none of them @ or /")
    return name
