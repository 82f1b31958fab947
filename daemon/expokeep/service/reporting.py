"""The verbs of the control socket that tell how the daemon is."""

import contextlib
import datetime
import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

import expokeep
from expokeep import wiring
from expokeep.catalog.values import UNKNOWN_UID, SessionRow
from expokeep.control.routes import Call, Reply
from expokeep.errors import ExpokeepError
from expokeep.history.documents import (
    DbStatus,
    Info,
    SessionStatus,
    SkippedPath,
    Status,
)
from expokeep.history.spool_status import EarlyStatus, SpoolStatus
from expokeep.history.watch_status import WatchStatus
from expokeep.model.documents import HeldDocument
from expokeep.model.names import SessionId, for_terminal, to_text
from expokeep.restore.documents import held_document
from expokeep.service import bodies
from expokeep.service.app_tables import app_tables, is_in_step
from expokeep.service.board import Line
from expokeep.service.lines import is_wanted, may_see, squatting, state_of
from expokeep.service.looked_at import looked_at
from expokeep.service.outlook import expiring, outlook, with_outlook
from expokeep.service.parts import Parts
from expokeep.service.proofs import last_proofs
from expokeep.service.rights import Caller, Rights
from expokeep.service.webhook_routes import given_up
from expokeep.snapshot.capturing import Capturing
from expokeep.spool.entry import Backlog

MAX_SESSIONS = 100_000


@dataclass(frozen=True, slots=True)
class Reporting:
    """Tells how things are."""

    parts: Parts
    rights: Rights
    started_at: datetime.datetime
    embedded: bool

    def info(self, _call: Call) -> Reply:
        """Tell who answers. Open to everybody."""
        settings, host = self.parts.settings, self.parts.engine.host
        try:
            schema = self.parts.engine.backends.catalog.schema_status().found
        except ExpokeepError:
            schema = None
        return bodies.document(
            Info(
                version=expokeep.__version__,
                pid=os.getpid(),
                started_at=self.started_at,
                host=host.name,
                host_id=str(host.id),
                state_dir=str(settings.state_dir),
                watch=tuple(str(one.dir / one.pattern) for one in settings.watch),
                schema=schema,
                embedded=self.embedded,
            )
        )

    def status(self, call: Call) -> Reply:
        """Tell whether all is well: of the sessions that the caller may see."""
        wanted = call.query.get("session", ())
        lines = [line for line in self.parts.board.lines() if is_wanted(line, wanted)]
        caller = self.rights.caller(call.peer)
        operator = caller.is_operator
        ahead = outlook(self.parts, caller)
        sessions = with_outlook(self._sessions(lines, caller), ahead)
        backlog = self.parts.engine.spool.backlog()
        trouble = self.parts.shipping.errors()
        catalog_error = self.parts.catalog_error
        unsaved = [one.unsaved_since for one in sessions if one.unsaved_since]
        oldest = [*unsaved, *([backlog.oldest_at] if backlog.oldest_at else [])]
        failing = [
            one for one in sessions if one.last_error or one.skipped or one.over_quota
        ]
        spool = self._spool(backlog)
        is_well = self._is_well(spool) and not (trouble or catalog_error or failing)
        proofs = last_proofs(self.parts) if operator else ()
        app = app_tables(self.parts) if operator else None
        is_well = is_well and all(one.is_well for one in proofs) and is_in_step(app)
        watch = self._watch(operator=operator)
        return bodies.document(
            Status(
                state="ok" if is_well and not watch.degraded else "degraded",
                oldest_unsaved_at=min(oldest, default=None),
                spool=spool,
                watch=watch,
                store_error=_told(next(iter(trouble), None), operator=operator),
                catalog_error=_told(catalog_error, operator=operator),
                sessions=sessions,
                proofs=proofs,
                expiring=expiring(ahead),
                over_quota_count=len(ahead.over_quota),
                app_tables=app,
                webhooks_given_up=given_up(self.parts) if operator else 0,
                monitoring=looked_at(self.parts, sessions, operator=operator),
            )
        )

    def _is_well(self, spool: SpoolStatus) -> bool:
        """Return whether the daemon itself is well, whatever becomes of sessions."""
        parts = self.parts
        is_seen = parts.page_error is None
        is_whole = spool.state == "ok" and not parts.engine.spool.damaged
        return parts.is_well() and is_whole and is_seen

    def db(self, call: Call) -> Reply:
        """Tell which schema there is, and which we know."""
        self.rights.require_operator(call.peer)
        found = self.parts.engine.backends.catalog.schema_status()
        status = DbStatus(found=found.found, known=found.known, pending=found.pending)
        return bodies.document(status)

    def _known(
        self, sessions: list[SessionId], caller: Caller
    ) -> dict[SessionId, SessionRow]:
        """Return what the catalog says of sessions; nothing while it is away.

        Only of those of a user, if one is named: a directory may bear the name of a
        session that is another's.
        """
        if not sessions or self.parts.catalog_error:
            return {}
        # Whoever starts a session asks for that one: often hundreds at a time.
        alone = sessions[0] if len(set(sessions)) == 1 else ""
        try:
            rows = self.parts.engine.backends.catalog.sessions(
                owner=caller.user,
                uid=caller.uid,
                prefix=alone,
                limit=MAX_SESSIONS,
            )
        except ExpokeepError:
            return {}
        return {row.session: row for row in rows}

    def _sessions(self, lines: list[Line], caller: Caller) -> tuple[SessionStatus, ...]:
        known = self._known([line.directory.session for line in lines], caller)
        lines = [line for line in lines if may_see(caller, line, known)]
        held = self._held_elsewhere(known)
        return tuple(
            msgspec.structs.replace(
                self._session(line, known.get(line.directory.session)),
                held_elsewhere=held.get(line.directory.session, ()),
            )
            if self._is_theirs(caller, line, known)
            else squatting(line)
            for line in lines
        )

    def _is_theirs(
        self, caller: Caller, line: Line, known: Mapping[SessionId, SessionRow]
    ) -> bool:
        """Return whether what is told of a session is for whose directory this is."""
        session = line.directory.session
        return (
            caller.uid is None
            or session in known
            or self.parts.uid_of(session) == caller.uid
        )

    def _session(self, line: Line, row: SessionRow | None) -> SessionStatus:
        session = line.directory.session
        backlog = self.parts.engine.spool.backlog(session)
        since = [at for at in (line.unsaved_since, backlog.oldest_at) if at]
        trouble = self.parts.shipping.error_of(session)
        return SessionStatus(
            session=session,
            directory=for_terminal(line.directory.path),
            state=state_of(
                line,
                is_held=self.parts.shipping.pauses.holds(session),
                waits=backlog.entries > 0,
            ),
            unsaved_since=min(since, default=None),
            last_seq=row.last_seq if row else None,
            last_saved_at=row.saved_at if row else None,
            pending=backlog.entries,
            skipped=tuple(
                SkippedPath(path=to_text(path), reason=reason)
                for path, reason in line.skipped.items()
            ),
            excluded_count=line.excluded_count,
            last_error=line.last_error or (str(trouble) if trouble else None),
            refused_since=line.refused_since,
            too_big=str(line.too_big) if line.too_big else None,
            held_by=self._holder(row),
            parked_count=row.parked_count if row else 0,
            uid=row.root_uid if row and row.root_uid != UNKNOWN_UID else None,
        )

    def _held_elsewhere(
        self, sessions: Collection[SessionId]
    ) -> dict[SessionId, tuple[HeldDocument, ...]]:
        """Return what other hosts hold of sessions; nothing if nobody can tell."""
        engine, found = self.parts.engine, defaultdict(list)
        asked = wiring.surroundings(engine.backends.catalog)
        if asked is not None and sessions:
            with contextlib.suppress(ExpokeepError):
                for one in asked.held_elsewhere(sessions, engine.host):
                    found[one.session].append(held_document(one))
        return {session: tuple(held) for session, held in found.items()}

    def _holder(self, row: SessionRow | None) -> str | None:
        """Return the other host that holds a session, dead or alive."""
        ours = self.parts.engine.host.id
        return row.host if row is not None and row.host_id != ours else None

    def _spool(self, backlog: Backlog) -> SpoolStatus:
        rooms, room = self.parts.rooms, self.parts.rooms.look()
        return SpoolStatus(
            entries=backlog.entries,
            size_bytes=backlog.size_bytes,
            oldest_at=backlog.oldest_at,
            state=rooms.state,
            state_since=rooms.since,
            used_bytes=room.used_bytes,
            max_bytes=rooms.bounds.max_size_bytes,
            free_bytes=room.free_bytes,
            min_free_bytes=rooms.bounds.min_free_bytes,
            refused=len(room.refused),
            early=_early(self.parts.engine.snapshotter.capturing),
        )

    def _watch(self, *, operator: bool) -> WatchStatus:
        stats = self.parts.observer.stats()
        if not operator:
            return WatchStatus(sessions=0, watches=0)
        return WatchStatus(
            sessions=stats.sessions,
            watches=stats.watches,
            degraded=tuple(
                f"{for_terminal(directory.path)}: {reason}"
                for directory, reason in stats.degraded
            ),
            overflows=stats.overflows,
            invalid_names=tuple(for_terminal(name) for name in stats.invalid_names),
        )


def _told(error: Exception | None, *, operator: bool) -> str | None:
    """Return what went wrong; its words name other users' sessions, and servers."""
    if error is None:
        return None
    return str(error) if operator else "it fails; operators are told why"


def _early(capturing: Capturing | None) -> EarlyStatus:
    if capturing is None:
        return EarlyStatus(is_on=False)
    count = capturing.allowance.count()
    return EarlyStatus(
        captured=count.captured,
        dropped=count.dropped,
        open_files=count.pinned,
        size_bytes=count.size_bytes,
        lag_s=round(count.lag_s, 6),
    )
