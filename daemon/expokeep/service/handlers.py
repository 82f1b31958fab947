"""What the control socket answers: the table of routes, and the verbs that only read.

Each handler checks the caller's rights first, then asks; nothing is decided here.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec

from expokeep import clock, wiring
from expokeep.control.blobs import encoded
from expokeep.control.routes import Bytes, Call, Document, Handler, Reply, Route
from expokeep.control.server import ControlSocket
from expokeep.errors import UsageError
from expokeep.history.comparing import Detail
from expokeep.history.history import History, Sort
from expokeep.model.digest import Digest, parse_digest
from expokeep.model.names import SessionId, from_text, parse_session_id
from expokeep.restore.documents import offer_document
from expokeep.restore.spooled import SpooledSource
from expokeep.service.acting import Acting
from expokeep.service.auditing import Auditing
from expokeep.service.operating import OperatingRoutes
from expokeep.service.parts import Parts
from expokeep.service.proving import ProvingRoutes
from expokeep.service.reporting import Reporting
from expokeep.service.retaining import RetainingRoutes
from expokeep.service.rights import Rights, group_id

BLOBS_BODY_BYTES = 16 * 1024 * 1024
MAX_LIMIT = 100_000
SORTS: dict[str, Sort] = {"age": "age", "rpo": "rpo", "size": "size"}
DETAILS: dict[str, Detail] = {"names": "names", "stat": "stat", "patch": "patch"}


@dataclass(frozen=True, slots=True)
class Handlers:
    """Answers requests on behalf of the parts of a daemon."""

    history: History
    source: SpooledSource
    rights: Rights
    acting: Acting
    reporting: Reporting
    proving: ProvingRoutes
    retaining: RetainingRoutes
    operating: OperatingRoutes

    def routes(self) -> tuple[Route, ...]:
        """Return everything that can be asked."""
        version = "/v1/versions/{ref}"
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/v1/info", self.reporting.info),
            ("GET", "/v1/status", self.reporting.status),
            ("GET", "/v1/doctor", self.reporting.doctor),
            ("GET", "/v1/db", self.reporting.db),
            ("GET", "/v1/sessions", self.sessions),
            ("POST", "/v1/sessions/{session}/save", self.acting.save),
            ("GET", "/v1/sessions/{session}/versions", self.log),
            ("POST", "/v1/flush", self.acting.flush),
            ("POST", "/v1/pause", self.acting.pause),
            ("POST", "/v1/resume", self.acting.resume),
            ("POST", "/v1/arrivals", self.acting.arrive),
            ("POST", f"{version}/accept", self.accept),
            ("GET", version, self.show),
            ("GET", f"{version}/tree", self.ls),
            ("GET", f"{version}/contents", self.cat),
            ("GET", f"{version}/offer", self.offer),
            ("GET", "/v1/find", self.find),
            ("GET", "/v1/diff", self.diff),
            *self.proving.routes(),
            *self.retaining.routes(),
            *self.operating.routes(),
        )
        blobs = Route("POST", f"{version}/blobs", self.blobs, BLOBS_BODY_BYTES)
        return (*(Route(*row) for row in table), blobs)

    def sessions(self, call: Call) -> Reply:
        """List sessions: all of them to an operator, their own to anybody else."""
        wish = _one(call, "sort") or "age"
        if (sort := SORTS.get(wish)) is None:
            raise UsageError(f"sort by {', '.join(SORTS)}, not by {wish!r}")
        caller, named = self.rights.caller(call.peer), _one(call, "user")
        if caller.uid is None:
            named = self.rights.user_named(call.peer, named)
        found = self.history.sessions(
            uid=caller.uid,
            owner=named,
            prefix=_one(call, "prefix") or "",
            limit=_limit(call),
            sort=sort,
        )
        return _document(found)

    def log(self, call: Call) -> Reply:
        """List the versions of a session."""
        session = call.path["session"]
        self._require(call, session)
        since = _one(call, "since")
        return _document(self.history.log(session, since=since, limit=_limit(call)))

    def accept(self, call: Call) -> Reply:
        """Make a version head after all."""
        self._ref(call)
        return self.acting.accept(call)

    def show(self, call: Call) -> Reply:
        """Show one version."""
        return _document(self.history.show(self._ref(call)))

    def ls(self, call: Call) -> Reply:
        """List what a version has at a path and below."""
        return _document(self.history.ls(self._ref(call), _path(call)))

    def cat(self, call: Call) -> Reply:
        """Return the contents of one file."""
        return Bytes(self.history.cat(self._ref(call), _path(call)))

    def find(self, call: Call) -> Reply:
        """Find paths by a glob."""
        sessions = call.query.get("session", ())
        if not sessions:
            self.rights.require_operator(call.peer)
        for session in sessions:
            self._require(call, session)
        glob = _one(call, "glob")
        if not glob:
            raise UsageError("name a glob: ?glob=*.js")
        return _document(self.history.find(_name(glob), sessions))

    def diff(self, call: Call) -> Reply:
        """Compare two versions."""
        old, new = _one(call, "old"), _one(call, "new")
        if not new:
            raise UsageError("name a version: ?new=SID@17")
        for ref in filter(None, (old, new)):
            self._require(call, ref.partition("@")[0])
        wish = _one(call, "detail") or "names"
        if (detail := DETAILS.get(wish)) is None:
            raise UsageError(f"detail is one of {', '.join(DETAILS)}, not {wish!r}")
        paths = [_name(path) for path in call.query.get("path", ())]
        return _document(self.history.diff(old, new, paths, detail))

    def offer(self, call: Call) -> Reply:
        """Tell what a restore of a version has to make.

        What is not captured yet is captured first, if that is possible soon.
        """
        session = call.path["ref"].partition("@")[0]
        if (exact := self._exact(call, session)) is not None:
            self.rights.require_session(call.peer, exact)
        self.acting.catch_up(session)
        return _document(offer_document(self.source.offer(self._ref(call))))

    def blobs(self, call: Call) -> Reply:
        """Return contents of a version; of no other, whatever digest is asked for."""
        offer = self.source.offer(self._ref(call))
        return Bytes(encoded(self.source.blobs(offer, _digests(call))))

    def _ref(self, call: Call) -> str:
        ref = call.path["ref"]
        self._require(call, ref.partition("@")[0])
        return ref

    def _require(self, call: Call, session: str) -> None:
        if (exact := self._exact(call, session)) is not None:
            self.rights.require_kept(call.peer, exact)

    def _exact(self, call: Call, session: str) -> SessionId | None:
        """Return the session that is meant, unless its name may have been shortened.

        An operator who says so may shorten. Nobody else: when a program hands on what
        a browser sent, the beginning of an id must not open the session of another.
        """
        if "abbreviated" in call.query and self.rights.is_operator(call.peer):
            return None
        try:
            return parse_session_id(session)
        except ValueError as error:
            raise UsageError(str(error)) from error


@contextlib.contextmanager
def serving(parts: Parts, *, embedded: bool) -> Iterator[ControlSocket]:
    """Answer on the control socket.

    Raises:
        Busy: another daemon answers there.
        ConfigError: there can be no such socket.
    """
    settings, engine = parts.settings, parts.engine
    reading = wiring.reading_of(
        engine.backends.catalog,
        engine.fetcher,
        replace(
            wiring.holdings_of(settings, engine.spool, engine.host),
            away=lambda: parts.catalog_error,
        ),
        parts.home,
        engine.snapshotter.memories.expect,
    )
    has_group = group_id(settings.socket.group) is not None
    rights = Rights(
        settings.socket.group, parts.uid_of, parts.kept_uid_of, parts.owner_of
    )
    audit = wiring.audit_of(engine.backends.catalog)
    covering = Auditing(parts, rights, audit).covering
    handlers = Handlers(
        history=reading.history,
        source=reading.source,
        rights=rights,
        acting=Acting(parts, reading.source, rights),
        reporting=Reporting(parts, rights, clock.now(), embedded=embedded),
        proving=ProvingRoutes(parts, rights),
        retaining=RetainingRoutes(parts, rights),
        operating=OperatingRoutes(parts, rights, audit),
    )
    with ControlSocket(
        settings.socket.path,
        settings.socket.permissions,
        settings.socket.group if has_group else None,
        [
            replace(route, handler=rights.admitting(route.handler))
            for route in map(covering, handlers.routes())
        ],
    ) as control:
        try:
            yield control
        finally:
            parts.events.close()


class _Digests(msgspec.Struct):
    digests: list[str] = field(default_factory=list)


def _digests(call: Call) -> set[Digest]:
    try:
        asked = msgspec.json.decode(call.body, type=_Digests).digests
        return {parse_digest(text) for text in asked}
    except (msgspec.MsgspecError, ValueError) as error:
        raise UsageError(f"not a list of digests: {error}") from error


def _document(document: msgspec.Struct) -> Document:
    return Document(msgspec.json.encode(document))


def _one(call: Call, name: str) -> str | None:
    values = call.query.get(name, ())
    return values[-1] if values else None


def _limit(call: Call) -> int:
    text = _one(call, "limit") or "1000"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_LIMIT:
        raise UsageError(f"limit is a number from 1 to {MAX_LIMIT}, not {text!r}")
    return int(text)


def _path(call: Call) -> bytes:
    return _name(_one(call, "path") or "")


def _name(text: str) -> bytes:
    try:
        return from_text(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
