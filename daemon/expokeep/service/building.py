"""The routes of builds and quotas: what the owner of builds asks, but their files."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from expokeep import wiring
from expokeep.builds.documents import (
    BuildDocument,
    BuildList,
    QuotaDocument,
    QuotaList,
)
from expokeep.catalog.builds import Build, Wanted, Whose
from expokeep.control.routes import Call, Handler, Reply
from expokeep.errors import NotFound, UsageError
from expokeep.log import get
from expokeep.model.names import (
    SessionId,
    for_terminal,
    parse_session_id,
    parse_user,
    to_text,
)
from expokeep.model.quota import Quota, Usage
from expokeep.service import bodies, queries
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights
from expokeep.settings.policies import quotas_of

log = get(__name__)


class QuotaWish(msgspec.Struct):
    """What a request says of a quota. What it does not name stays as it is."""

    user: str
    builds: int | msgspec.UnsetType | None = msgspec.UNSET
    bytes: int | msgspec.UnsetType | None = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class BuildRoutes:
    """Lists builds and quotas, and sets quotas."""

    parts: Parts
    rights: Rights

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("GET", "/v1/builds", self.builds),
            ("GET", "/v1/builds/{session}", self.build),
            ("GET", "/v1/quota", self.quota),
            ("POST", "/v1/quota", self.set_quota),
        )

    def builds(self, call: Call) -> Reply:
        """List builds: all of them to an operator, their own to anybody else."""
        at, after = _cursor(queries.one(call, "after"))
        limit = queries.limit(call)
        wanted = Wanted(
            deleted=queries.switch(call, "deleted"),
            shared=queries.switch(call, "shared"),
            after_at=at,
            after=after,
            limit=limit + 1,
        )
        found = self._listed(self._whose(call), wanted)
        shown = found[:limit]
        last = shown[-1] if len(found) > limit else None
        here = self._directories()
        return bodies.document(
            BuildList(
                builds=tuple(self._told(one, here) for one in shown),
                next=f"{last.accessed_at.isoformat()}~{last.session}" if last else None,
            )
        )

    def build(self, call: Call) -> Reply:
        """Tell of one build, named by its whole id; of a deleted one as of none."""
        session = bodies.session(call.path["session"])
        caller = self.rights.caller(call.peer)
        whose = Whose(owner=caller.user, uid=caller.uid)
        found = self._listed(whose, Wanted(session=session, limit=1))
        if not found:
            raise NotFound(f"no session {session} is kept")
        return bodies.document(self._told(found[0], self._directories()))

    def quota(self, call: Call) -> Reply:
        """Tell what users have and may have: anybody to an operator, else oneself."""
        user = self._named(call)
        if user is None:
            self.rights.require_operator(call.peer)
        limit = queries.limit(call)
        after = queries.one(call, "after") or ""
        quotas = wiring.user_quotas_of(self.parts.engine.backends)
        found = quotas.usage(user, after=after, limit=limit + 1)
        settings = self.parts.settings
        rules = quotas_of(settings)
        return bodies.document(
            QuotaList(
                users=tuple(self._usage(one) for one in found[:limit]),
                truncated=len(found) > limit,
                max_builds=rules.max_builds,
                on_too_many_builds=settings.limits.on_too_many_builds,
                max_build_bytes=rules.max_build_bytes or 0,
                on_build_too_big=settings.limits.on_build_too_big,
            )
        )

    def set_quota(self, call: Call) -> Reply:
        """Say how much a user may have. What is there already stays."""
        self.rights.require_operator(call.peer)
        wish = _wish(call)
        quotas = wiring.user_quotas_of(self.parts.engine.backends)
        said = quotas.said(wish.user)
        builds, size = wish.builds, wish.bytes
        said = Quota(
            user=wish.user,
            max_builds=said.max_builds if builds is msgspec.UNSET else builds,
            max_bytes=said.max_bytes if size is msgspec.UNSET else size,
        )
        quotas.say(said)
        log.info(
            "quota set", user=said.user, builds=said.max_builds, bytes=said.max_bytes
        )
        (found,) = quotas.usage(wish.user, after="", limit=1)
        return bodies.document(self._usage(found))

    def _listed(self, whose: Whose, wanted: Wanted) -> list[Build]:
        engine = self.parts.engine
        return wiring.builds_of(engine.settings, engine.backends).listed(whose, wanted)

    def _whose(self, call: Call) -> Whose:
        caller, named = self.rights.caller(call.peer), queries.one(call, "user")
        if caller.uid is not None:
            return Whose(owner=named, uid=caller.uid)
        return Whose(owner=self._named(call))

    def _named(self, call: Call) -> str | None:
        named = queries.one(call, "user")
        return self.rights.user_named(call.peer, named and _user(named))

    def _directories(self) -> Mapping[SessionId, str]:
        return {
            line.directory.session: for_terminal(line.directory.path)
            for line in self.parts.board.lines()
        }

    def _told(self, build: Build, here: Mapping[SessionId, str]) -> BuildDocument:
        gone_at = None
        if build.deleted_at is not None:
            grace_s = self.parts.settings.retention.grace_s
            gone_at = build.deleted_at + datetime.timedelta(seconds=grace_s)
        return BuildDocument(
            session=build.session,
            owner=build.owner,
            project_name=build.project_name,
            version=build.version,
            file_count=build.file_count,
            size_bytes=build.size_bytes,
            message=build.message,
            labels=tuple(build.labels),
            created_at=build.created_at,
            saved_at=build.saved_at,
            accessed_at=build.accessed_at,
            expires_at=None if build.deleted_at else build.expires_at,
            is_pinned=build.is_pinned,
            is_shared=build.is_shared,
            parked=build.parked,
            deleted_at=build.deleted_at,
            expired=build.expired,
            gone_at=gone_at,
            icon=None if build.icon is None else to_text(build.icon),
            directory=here.get(build.session),
        )

    def _usage(self, usage: Usage) -> QuotaDocument:
        most = usage.max_builds
        default = quotas_of(self.parts.settings).max_builds
        return QuotaDocument(
            user=usage.user,
            builds=usage.builds,
            size_bytes=usage.size_bytes,
            max_builds=default if most is None else most,
            max_bytes=usage.max_bytes,
            is_default=most is None and usage.max_bytes is None,
            waiting=usage.waiting,
        )


def _cursor(text: str | None) -> tuple[datetime.datetime | None, str]:
    if text is None:
        return None, ""
    at, _, session = text.partition("~")
    try:
        moment = datetime.datetime.fromisoformat(at)
        if moment.tzinfo is not None:
            return moment, parse_session_id(session)
    except ValueError:
        pass
    raise UsageError("after is what `next` said, as it was")


def _user(name: str) -> str:
    try:
        return parse_user(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _wish(call: Call) -> QuotaWish:
    wish = bodies.body(call, QuotaWish)
    _user(wish.user)
    for number in (wish.builds, wish.bytes):
        if isinstance(number, int) and not 0 <= number < 2**31 * 2**20:
            raise UsageError(f"a quota is a number from 0 up, not {number}")
    if isinstance(wish.builds, int) and wish.builds >= 2**31:
        raise UsageError(f"so many builds are no quota: {wish.builds}")
    return wish
