"""What the control socket answers: the table of routes, and the verbs that only read.

Each handler checks the caller's rights first, then asks; nothing is decided here.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from expokeep import clock, wiring
from expokeep.control.blobs import encoded
from expokeep.control.routes import Bytes, Call, Handler, Reply, Route
from expokeep.control.server import ControlSocket
from expokeep.errors import UsageError
from expokeep.history.comparing import Detail
from expokeep.history.history import History, Sort
from expokeep.model.digest import Digest, parse_digest
from expokeep.restore.documents import offer_document
from expokeep.restore.spooled import SpooledSource
from expokeep.service import bodies, queries
from expokeep.service.accounting import AccountingRoutes
from expokeep.service.acting import Acting
from expokeep.service.auditing import Auditing
from expokeep.service.building import BuildRoutes
from expokeep.service.doctor import Doctoring, began_now
from expokeep.service.draining import Draining
from expokeep.service.exporting import ExportRoutes
from expokeep.service.forking import ForkingRoutes
from expokeep.service.looking_back import LookingBackRoutes
from expokeep.service.monitoring.requests import counted
from expokeep.service.operating import OperatingRoutes
from expokeep.service.origins import told_shown
from expokeep.service.parts import Parts
from expokeep.service.proving import ProvingRoutes
from expokeep.service.referring import (
    exact_session,
    require_visible,
    visible_offer,
    visible_ref,
)
from expokeep.service.reloading import Reloading
from expokeep.service.reporting import Reporting
from expokeep.service.restored import RestoredRoutes
from expokeep.service.retaining import RetainingRoutes
from expokeep.service.rights import Rights, group_id
from expokeep.service.sharing import SharingRoutes
from expokeep.service.templating import TemplatingRoutes
from expokeep.service.webhook_routes import WebhookRoutes

BLOBS_BODY_BYTES = 16 * 1024 * 1024
SORTS: dict[str, Sort] = {"age": "age", "rpo": "rpo", "size": "size"}
DETAILS: dict[str, Detail] = {"names": "names", "stat": "stat", "patch": "patch"}


@dataclass(frozen=True, slots=True)
class Handlers:
    """Answers requests on behalf of the parts of a daemon."""

    history: History
    source: SpooledSource
    rights: Rights
    acting: Acting
    looking_back: LookingBackRoutes
    accounting: AccountingRoutes
    reporting: Reporting
    doctoring: Doctoring
    proving: ProvingRoutes
    retaining: RetainingRoutes
    exporting: ExportRoutes
    sharing: SharingRoutes
    operating: OperatingRoutes
    forking: ForkingRoutes
    templating: TemplatingRoutes
    building: BuildRoutes
    webhooks: WebhookRoutes

    def routes(self) -> tuple[Route, ...]:
        """Return everything that can be asked."""
        version = "/v1/versions/{ref}"
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/v1/info", self.reporting.info),
            ("GET", "/v1/status", self.reporting.status),
            ("GET", "/v1/doctor", self.doctoring.doctor),
            ("GET", "/v1/db", self.reporting.db),
            ("GET", "/v1/sessions", self.sessions),
            ("POST", "/v1/sessions/{session}/save", self.acting.save),
            ("POST", "/v1/flush", self.acting.flush),
            ("POST", "/v1/pause", self.acting.pause),
            ("POST", "/v1/resume", self.acting.resume),
            ("POST", "/v1/arrivals", self.acting.arrive),
            ("POST", f"{version}/accept", self.accept),
            ("GET", version, self.show),
            ("GET", f"{version}/tree", self.ls),
            ("GET", f"{version}/contents", self.cat),
            ("GET", f"{version}/offer", self.offer),
            ("GET", "/v1/diff", self.diff),
            *self.looking_back.routes(),
            *self.accounting.routes(),
            *self.proving.routes(),
            *self.retaining.routes(),
            *self.exporting.routes(),
            *self.sharing.routes(),
            *self.operating.routes(),
            *self.forking.routes(),
            *self.templating.routes(),
            *self.building.routes(),
            *self.webhooks.routes(),
            *RestoredRoutes(self.reporting.parts.counts).routes(),
        )
        blobs = Route("POST", f"{version}/blobs", self.blobs, BLOBS_BODY_BYTES)
        return (*(Route(*row) for row in table), blobs)

    def sessions(self, call: Call) -> Reply:
        """List sessions: all of them to an operator, their own to anybody else."""
        wish = queries.one(call, "sort") or "age"
        if (sort := SORTS.get(wish)) is None:
            raise UsageError(f"sort by {', '.join(SORTS)}, not by {wish!r}")
        caller, named = self.rights.caller(call.peer), queries.one(call, "user")
        if caller.uid is None:
            named = self.rights.user_named(call.peer, named)
        found = self.history.sessions(
            uid=caller.uid,
            owner=named,
            prefix=queries.one(call, "prefix") or "",
            limit=queries.limit(call),
            sort=sort,
        )
        return bodies.document(found)

    def accept(self, call: Call) -> Reply:
        """Make a version head after all."""
        visible_ref(self.rights, call)
        return self.acting.accept(call)

    def show(self, call: Call) -> Reply:
        """Show one version."""
        found = self.history.show(visible_ref(self.rights, call))
        return bodies.document(told_shown(found, self.rights, call.peer))

    def ls(self, call: Call) -> Reply:
        """List what a version has at a path and below."""
        return bodies.document(
            self.history.ls(visible_ref(self.rights, call), queries.path(call))
        )

    def cat(self, call: Call) -> Reply:
        """Return the contents of one file."""
        return Bytes(
            self.history.cat(visible_ref(self.rights, call), queries.path(call))
        )

    def diff(self, call: Call) -> Reply:
        """Compare two versions."""
        old, new = queries.one(call, "old"), queries.one(call, "new")
        if not new:
            raise UsageError("name a version: ?new=SID@17")
        for ref in filter(None, (old, new)):
            require_visible(self.rights, call, ref.partition("@")[0])
        wish = queries.one(call, "detail") or "names"
        if (detail := DETAILS.get(wish)) is None:
            raise UsageError(f"detail is one of {', '.join(DETAILS)}, not {wish!r}")
        paths = [queries.name_of(path) for path in call.query.get("path", ())]
        return bodies.document(self.history.diff(old, new, paths, detail))

    def offer(self, call: Call) -> Reply:
        """Tell what a restore of a version has to make.

        What is not captured yet is captured first, if that is possible soon; unless
        only what is recorded is wanted, for a directory that will not stay.
        """
        if "recorded" in call.query:
            recorded = visible_offer(self.rights, call, self.source.recorded)
            return bodies.document(offer_document(recorded))
        session = call.path["ref"].partition("@")[0]
        if (exact := exact_session(self.rights, call, session)) is not None:
            self.rights.require_session(call.peer, exact)
        self.acting.catch_up(session)
        return bodies.document(
            offer_document(
                replace(
                    visible_offer(self.rights, call, self.source),
                    after=wiring.after_restore_of(self.acting.parts.settings),
                )
            )
        )

    def blobs(self, call: Call) -> Reply:
        """Return contents of a version; of no other, whatever digest is asked for."""
        offer = visible_offer(self.rights, call, self.source)
        return Bytes(encoded(self.source.blobs(offer, _digests(call))))


@contextlib.contextmanager
def serving(
    parts: Parts, reloading: Reloading, *, embedded: bool
) -> Iterator[ControlSocket]:
    """Answer on the control socket.

    Raises:
        Busy: another daemon answers there.
        ConfigError: there can be no such socket.
    """
    settings = parts.settings
    has_group = group_id(settings.socket.group) is not None
    rights = Rights(
        settings.socket.group, parts.uid_of, parts.kept_uid_of, parts.owner_of
    )
    audit = wiring.audit_of(parts.engine.backends.catalog)
    covering = Auditing(parts, rights, audit).covering
    operating = OperatingRoutes(parts, rights, audit, reloading, Draining(parts))
    handlers = _handlers(parts, rights, operating, embedded=embedded)
    with ControlSocket(
        settings.socket.path,
        settings.socket.permissions,
        settings.socket.group if has_group else None,
        [
            replace(
                route, handler=counted(parts.counts, rights.admitting(route.handler))
            )
            for route in map(covering, handlers.routes())
        ],
    ) as control:
        try:
            yield control
        finally:
            parts.events.close()


def _handlers(
    parts: Parts, rights: Rights, operating: OperatingRoutes, *, embedded: bool
) -> Handlers:
    reading = _reading(parts)
    acting = Acting(parts, reading.source, rights)
    return Handlers(
        history=reading.history,
        source=reading.source,
        rights=rights,
        acting=acting,
        looking_back=LookingBackRoutes(reading.history, rights),
        accounting=AccountingRoutes(parts, rights),
        reporting=Reporting(parts, rights, clock.now(), embedded=embedded),
        doctoring=Doctoring(operating.reloading, rights, began_now(parts)),
        proving=ProvingRoutes(parts, rights),
        retaining=RetainingRoutes(parts, rights),
        exporting=ExportRoutes(parts, rights, reading.source, acting),
        sharing=SharingRoutes(parts, rights, acting),
        forking=ForkingRoutes(parts, rights, acting),
        templating=TemplatingRoutes(parts, rights, acting),
        building=BuildRoutes(parts, rights),
        webhooks=WebhookRoutes(parts, rights),
        operating=operating,
    )


def _reading(parts: Parts) -> wiring.Reading:
    """Return what only reads, and knows what this daemon knows."""
    engine = parts.engine
    return wiring.reading_of(
        engine.backends.catalog,
        engine.fetcher,
        replace(
            wiring.holdings_of(parts.settings, engine.spool, engine.host),
            away=lambda: parts.catalog_error,
            limits=engine.shipper.judge.guard,
        ),
        parts.home,
        engine.snapshotter.memories.expect,
    )


class _Digests(msgspec.Struct):
    digests: tuple[str, ...] = ()


def _digests(call: Call) -> set[Digest]:
    try:
        asked = msgspec.json.decode(call.body, type=_Digests).digests
        return {parse_digest(text) for text in asked}
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise UsageError(f"not a list of digests: {error}") from error
