"""The verbs of the control socket that lend versions, and those that import them.

Whose a session is may lend it, see its shares and end them; whoever has a token may use
it. A token comes in bodies only, never in an address: those are written into logs.
"""

import contextlib
import pwd
from collections.abc import Iterator
from dataclasses import dataclass, field

from expokeep import wiring
from expokeep.catalog.shares import ShareRow
from expokeep.control.peer import Peer
from expokeep.control.routes import Call, Document, Handler, Reply
from expokeep.errors import AccessDenied, NotFound, ShareUnusable, UsageError
from expokeep.log import get
from expokeep.model.version import Version
from expokeep.service import bodies, lent, queries
from expokeep.service.acting import Acting
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights
from expokeep.service.share_wishes import (
    ImportWish,
    RevokeWish,
    ShareWish,
    ShowWish,
)
from expokeep.share import documents, importing, plan
from expokeep.share.token import parse_name, parse_token
from expokeep.share.turns import Turns

log = get(__name__)


MAX_TOP = 1000


@dataclass(frozen=True, slots=True)
class SharingRoutes:
    """Lends, shows, ends and imports for whoever asks."""

    parts: Parts
    rights: Rights
    acting: Acting
    turns: Turns = field(default_factory=Turns)

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("POST", "/v1/versions/{ref}/share", self.create),
            ("GET", "/v1/shares", self.shares),
            ("POST", "/v1/shares/show", self.show),
            ("POST", "/v1/shares/revoke", self.revoke),
            ("POST", "/v1/shares/import", self.bring),
            ("GET", "/v1/shares/{share}/audit", self.audit),
            ("GET", "/v1/most-shared", self.top),
        )

    def create(self, call: Call) -> Reply:
        """Lend a version, and tell the token: once."""
        sharing = self._sharing()
        wish, terms = (found := bodies.body(call, ShareWish)), plan.checked(found.terms)
        version = self._version(call, terms)
        kept = sharing.kept(version)
        if wish.dry_run:
            findings = sharing.lending.look(kept, terms)
            return Document(lent.encoded(lent.not_created(findings)))
        made = sharing.lending.lend(kept, terms, _who(call.peer))
        if self.parts.settings.database.legacy_share_token:
            app = wiring.legacy_ports(self.parts.engine.backends.catalog)
            if app is not None:
                app.notes.reveal(made.row.name, made.token.text)
        log.info("share created", share=made.row.name, session=version.session)
        self.parts.events.publish(
            "share.created",
            version.session,
            share=made.row.name,
            seq=made.row.seq,
            expires_at=made.row.expires_at.isoformat(),
        )
        url = plan.link(self.parts.settings.sharing.url_base, made.token)
        return Document(lent.encoded(lent.created(made, url)))

    def shares(self, call: Call) -> Reply:
        """List shares: of one session, or of all that the caller may see."""
        most, session = queries.limit(call), queries.one(call, "session")
        if session is not None:
            self.rights.require_kept(call.peer, bodies.session(session))
        sharing, caller = self._sharing(), self.rights.caller(call.peer)
        found = sharing.shares.rows(
            sharing.pepper.shown,
            limit=most + 1,
            include_over=queries.switch(call, "all"),
            session=session,
            owner=caller.user,
            uid=caller.uid,
        )
        shown = tuple(lent.share_fields(row) for row in found[:most])
        listed = documents.ShareList(shares=shown, truncated=len(found) > most)
        return Document(lent.encoded(listed))

    def show(self, call: Call) -> Reply:
        """Show a share to whose it is, and to others what its token stands for."""
        word = bodies.body(call, ShowWish).token
        if (row := self._own(call.peer, word)) is not None:
            own = documents.ShareDocument(share=lent.share_fields(row))
            return Document(lent.encoded(own))
        if parse_name(word) is not None:
            raise _no_share(word)
        wish = importing.Wish(parse_token(word), self._importer(call.peer, None))
        with self._counting():
            door = self._importing(self._sharing()).door(wish)
        return Document(lent.encoded(lent.shared_build(door)))

    def revoke(self, call: Call) -> Reply:
        """End a share, or all of a session."""
        wish = bodies.body(call, RevokeWish)
        rows = [row for row in self._meant(call.peer, wish) if row.revoked_at is None]
        names = tuple(row.name for row in rows)
        if names and not wish.dry_run:
            self._sharing().shares.revoke(names, _who(call.peer))
            for row in rows:
                log.info("share revoked", share=row.name, session=row.session)
                self.parts.events.publish("share.revoked", row.session, share=row.name)
        revoked = documents.SharesRevoked(
            shares=names,
            session=rows[0].session if rows else None,
            dry_run=wish.dry_run,
        )
        return Document(lent.encoded(revoked))

    def bring(self, call: Call) -> Reply:
        """Begin a session with what a token stands for."""
        asked = bodies.body(call, ImportWish)
        importer = self._importer(call.peer, asked.user)
        session = bodies.session(asked.session) if asked.session is not None else None
        wish = importing.Wish(
            parse_token(asked.token), importer, asked.password, session
        )
        sharing = self._sharing()
        with self._counting():
            found = self._importing(sharing).run(wish)
        self.parts.events.publish(
            "share.imported", found.source, share=found.share, seq=found.source_seq
        )
        row = sharing.naming.catalog.session(found.version.session)
        name = row.project_name if row else None
        told = lent.imported_document(found, importer.user, name)
        return Document(lent.encoded(told))

    def audit(self, call: Call) -> Reply:
        """Tell what became of a share."""
        name, most = call.path["share"], queries.limit(call)
        if parse_name(name) is None or (row := self._own(call.peer, name)) is None:
            raise _no_share("")
        shares = self._sharing().shares
        told = lent.audit(
            row,
            (shares.uses(name, limit=most + 1), most),
            shares.refusals(name),
            tells_all=self.rights.is_operator(call.peer),
        )
        return Document(lent.encoded(told))

    def top(self, call: Call) -> Reply:
        """Tell which sessions were imported most often."""
        caller = self.rights.caller(call.peer)
        most = min(queries.limit(call), MAX_TOP)
        shares = self._sharing().shares
        found = shares.top(owner=caller.user, uid=caller.uid, limit=most)
        told = documents.ShareTop(sessions=tuple(lent.popular(one) for one in found))
        return Document(lent.encoded(told))

    def _version(self, call: Call, terms: plan.Terms) -> Version:
        """Return the version that is meant, of a session named by its whole id."""
        session, _, selector = call.path["ref"].partition("@")
        self.rights.require_kept(call.peer, bodies.session(session))
        if terms.follows_head and selector:
            raise UsageError("--follow-head goes with a session, not with a version")
        if not selector:
            self.acting.catch_up(session)
        return self._sharing().naming.version(call.path["ref"])

    def _meant(self, peer: Peer, wish: RevokeWish) -> list[ShareRow]:
        if (wish.token is None) is (wish.session is None):
            raise UsageError("name a share, or a session")
        if wish.token is not None:
            if (row := self._own(peer, wish.token)) is None:
                raise _no_share(wish.token)
            return [row]
        session = bodies.session(wish.session or "")
        self.rights.require_kept(peer, session)
        sharing, caller = self._sharing(), self.rights.caller(peer)
        return sharing.shares.rows(
            sharing.pepper.shown,
            session=session,
            owner=caller.user,
            uid=caller.uid,
            limit=queries.MAX_LIMIT,
        )

    def _own(self, peer: Peer, word: str) -> ShareRow | None:
        """Return the share that is meant, if the caller may see it."""
        sharing, caller = self._sharing(), self.rights.caller(peer)
        token, name = parse_token(word), parse_name(word)
        if token is None and name is None:
            return None
        found = sharing.shares.rows(
            sharing.pepper.shown,
            name=name,
            token=None if token is None else sharing.pepper.hashed(token),
            owner=caller.user,
            uid=caller.uid,
            include_over=True,
        )
        return next(iter(found), None)

    def _importer(self, peer: Peer, named: str | None) -> importing.Importer:
        user = self.rights.user_named(peer, named)
        is_local = self.rights.caller(peer).uid is not None
        return importing.Importer(
            user=user,
            uid=peer.uid,
            gid=peer.gid if is_local else None,
            is_trusted=user is None and not is_local,
        )

    @contextlib.contextmanager
    def _counting(self) -> Iterator[None]:
        """Count who is turned away."""
        try:
            yield
        except (ShareUnusable, AccessDenied):
            self.parts.counts.add("shares_total", "refused")
            raise

    def _importing(self, sharing: wiring.Sharing) -> importing.Importing:
        parts = self.parts
        return wiring.importing_of(sharing, parts.engine, parts.forker, self.turns)

    def _sharing(self) -> wiring.Sharing:
        engine = self.parts.engine
        if not self.parts.settings.sharing.enabled:
            error = UsageError("sharing is off")
            error.hint = (
                "The setting sharing.enabled, or ENABLE_BUILD_SHARING, says so."
            )
            raise error
        return wiring.sharing_of(engine.settings, engine.backends, engine.fetcher)


def _who(peer: Peer) -> str:
    """Return who made or ended a share, for those who look after it."""
    if peer.user is not None:
        return peer.user
    try:
        return f"{pwd.getpwuid(peer.uid).pw_name} (uid {peer.uid})"
    except KeyError:
        return f"uid {peer.uid}"


def _no_share(word: str) -> NotFound | ShareUnusable:
    """Return what somebody hears who has no right to a share, or named none."""
    if parse_token(word) is not None:
        return ShareUnusable("this share cannot be used")
    error = NotFound("there is no such share")
    error.hint = "`expokeep share list --all` lists those that you may see."
    return error
