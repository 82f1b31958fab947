"""The verbs of the control socket that make exports in the bucket.

Whoever may see a version may have a link to an archive of it, for a while. To show one
to everybody takes its owner, or an operator.
"""

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from expokeep import wiring
from expokeep.control.routes import Call, Handler, Reply
from expokeep.errors import ExpokeepError, NotFound, QuotaExceeded, UsageError
from expokeep.export import documents
from expokeep.export.archives import Format
from expokeep.export.exporter import PUBLIC_NAME, Wanted
from expokeep.export.heap import Blob
from expokeep.export.keys import Published
from expokeep.export.making import Kept
from expokeep.log import get
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId, to_text
from expokeep.restore.source import Offer, Source
from expokeep.restore.spooled import SpooledSource
from expokeep.service import bodies, queries
from expokeep.service.acting import Acting
from expokeep.service.parts import Parts
from expokeep.service.referring import visible_offer, visible_ref
from expokeep.service.rights import Rights
from expokeep.wiring import Exporting

log = get(__name__)


LINK_S = 900.0
_MIB = 1 << 20
Which = Literal["version", "compat"]


class PlanWish(msgspec.Struct):
    """What a request says of a link."""

    format: Format = "tar.gz"
    expires_s: float = LINK_S
    allow_secrets: bool = False
    archive: Which = "version"
    """`compat`: the one that the application itself reads, of the newest version."""


class PublishWish(msgspec.Struct):
    """What a request says of an archive for everybody."""

    format: Format = "tar.gz"


class WithdrawWish(msgspec.Struct):
    """Which archives are not to be public any more: one, or all of a session."""

    id: str | None = None
    dry_run: bool = False


@dataclass(slots=True)
class ExportRoutes:
    """Makes exports for whoever asks."""

    parts: Parts
    rights: Rights
    source: SpooledSource
    acting: Acting
    _made: Exporting | None = None
    _making: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        version, session = "/v1/versions/{ref}", "/v1/sessions/{session}"
        return (
            ("GET", "/v1/exports/terms", self.terms),
            ("GET", "/v1/publications", self.publications),
            ("POST", f"{version}/plan", self.plan),
            ("POST", f"{version}/publish", self.publish),
            ("POST", f"{session}/withdraw", self.withdraw),
        )

    def terms(self, call: Call) -> Reply:
        """Tell by which rules is exported and imported here; to a user who has room."""
        settings, named = self.parts.settings, queries.one(call, "user")
        if named is not None:
            user = self.rights.user_named(call.peer, named)
            session = bodies.session(queries.one(call, "session") or "")
            self._require_room(session, user, queries.number(call, "size_bytes"))
        return bodies.document(
            documents.ExportTerms(
                secret_patterns=settings.exclude_secrets,
                max_build_bytes=settings.limits.max_build_size_mb * _MIB,
                max_file_bytes=settings.max_file_size_bytes,
                sessions_directory=str(settings.watch[0].dir),
            )
        )

    def plan(self, call: Call) -> Reply:
        """Make a link to an archive of a version, for a while."""
        wish, ref = bodies.body(call, PlanWish), visible_ref(self.rights, call)
        session = ref.partition("@")[0]
        self.acting.catch_up(session)
        if wish.archive == "compat":
            return bodies.document(self._compat(ref, wish))
        offer = visible_offer(self.rights, call, self.source)
        wanted = self._wanted(
            offer, self.source, wish.format, redact=not wish.allow_secrets
        )
        try:
            lent = self._exporting().exporter.lend(wanted, wish.expires_s)
        except ValueError as error:
            raise UsageError(str(error)) from error
        version, packed = offer.version, lent.packed
        log.info("version lent", session=version.session, version=version.seq)
        return bodies.document(
            documents.Planned(
                session=version.session,
                version=version.seq or None,
                format=wish.format,
                url=lent.url,
                expires_at=lent.expires_at,
                size_bytes=packed.size_bytes,
                sha256=packed.sha256.hex(),
                left_out=tuple(to_text(one.path) for one in packed.left_out),
            )
        )

    def publish(self, call: Call) -> Reply:
        """Show an archive of a version to everybody, without secrets."""
        wish, ref = bodies.body(call, PublishWish), call.path["ref"]
        self.rights.require_owner(call.peer, bodies.session(ref.partition("@")[0]))
        exporting = self._exporting()
        offer = exporting.source.offer(ref)
        wanted = self._wanted(offer, exporting.source, wish.format, redact=True)
        published, packed = exporting.exporter.publish(
            replace(wanted, name=PUBLIC_NAME)
        )
        session = published.session
        self.parts.events.publish("export.published", session, seq=published.seq)
        log.info("version published", session=session, version=published.seq)
        return bodies.document(
            documents.Publication(
                published=self._document(published),
                size_bytes=packed.size_bytes,
                sha256=packed.sha256.hex(),
                left_out=tuple(to_text(one.path) for one in packed.left_out),
            )
        )

    def publications(self, call: Call) -> Reply:
        """List what is public: of a session, or of all that there are."""
        wish, limit = queries.one(call, "session"), queries.limit(call)
        session = None if wish is None else bodies.session(wish)
        if session is None:
            self.rights.require_operator(call.peer)
        else:
            self.rights.require_kept(call.peer, session)
        found = self._exporting().exporter.published(session)
        return bodies.document(
            documents.PublicationList(
                published=tuple(map(self._document, found[:limit])),
                truncated=len(found) > limit,
            )
        )

    def withdraw(self, call: Call) -> Reply:
        """Delete archives of a session that everybody could fetch."""
        wish = bodies.body(call, WithdrawWish)
        session = bodies.session(call.path["session"])
        self.rights.require_owner(call.peer, session)
        exporter = self._exporting().exporter
        gone = [
            one
            for one in exporter.published(session)
            if wish.id is None or one.secret == wish.id
        ]
        if wish.id is not None and not gone:
            raise NotFound(f"nothing of {session} is public under this id")
        if not wish.dry_run:
            exporter.withdraw(gone)
            self.parts.events.publish("export.withdrawn", session, count=len(gone))
        return bodies.document(
            documents.Withdrawn(published=tuple(map(self._document, gone)))
        )

    def _compat(self, ref: str, wish: PlanWish) -> documents.Planned:
        """Return a link to the one archive that is kept up to date."""
        if self.parts.settings.compat_archive == "off":
            error = UsageError("the archive for the application is not made here")
            error.hint = "Set compat-archive to lazy or always."
            raise error
        if "@" in ref:
            raise UsageError("that archive is always of the newest version")
        exporting = self._exporting()
        wanted = compat_wanted(exporting.source, ref)
        exporting.exporter.compat(wanted)
        version = wanted.kept.version
        try:
            url, until = exporting.exporter.compat_link(version.session, wish.expires_s)
        except ValueError as error:
            raise UsageError(str(error)) from error
        return documents.Planned(
            session=version.session,
            version=version.seq,
            format="tar.gz",
            url=url,
            expires_at=until,
        )

    def _wanted(
        self, offer: Offer, source: Source, form: Format, *, redact: bool
    ) -> Wanted:
        patterns = self.parts.settings.exclude_secrets if redact else None
        return wanted_of(offer, source, form, patterns)

    def _document(self, one: Published) -> documents.PublishedDocument:
        url, expires_at = self._exporting().exporter.link(one)
        return documents.PublishedDocument(
            id=one.secret,
            session=one.session,
            version=one.seq,
            format=one.format,
            published_at=one.at,
            url=url,
            expires_at=expires_at,
        )

    def _require_room(
        self, session: SessionId, user: str | None, size_bytes: int
    ) -> None:
        """Check it before a directory is there, which would be captured by itself."""
        try:
            self.parts.engine.backends.catalog.require_room(
                session, user, size_bytes=size_bytes
            )
        except QuotaExceeded as error:
            self.parts.events.publish("quota.exceeded", session, reason=str(error))
            raise
        except ExpokeepError as error:
            log.debug("catalog not asked", error=str(error))  # it is judged later

    def _exporting(self) -> Exporting:
        """Return what makes exports: one, so that only a few are made at once."""
        with self._making:
            if self._made is None:
                engine = self.parts.engine
                self._made = wiring.exporting_of(
                    engine.settings, engine.backends, engine.fetcher, engine.host
                )
            return self._made


def wanted_of(
    offer: Offer, source: Source, form: Format, patterns: tuple[str, ...] | None
) -> Wanted:
    """Return an archive of what a source has offered, as it is to be made."""

    def fetch(digests: Collection[Digest]) -> Iterator[Blob]:
        return source.blobs(offer, digests)

    kept = Kept(offer.version, offer.tree, offer.mode)
    return Wanted(kept, fetch, form, offer.version.session, patterns)


def compat_wanted(source: Source, session: str) -> Wanted:
    """Return the archive for the application as it is to be: all of the newest."""
    return wanted_of(source.offer(session), source, "tar.gz", None)
