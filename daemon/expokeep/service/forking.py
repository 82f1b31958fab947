"""The verbs of the control socket that make versions of what is kept already."""

import contextlib
import os
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import msgspec

from expokeep import clock
from expokeep.control.routes import Call, Document, Handler, Lines, Reply
from expokeep.errors import Busy, ExpokeepError, NotFound, UsageError
from expokeep.fork.documents import Forked, Reverted
from expokeep.fork.plan import gone_back
from expokeep.fork.values import SessionExists, Trigger, Wish
from expokeep.history.naming import Naming
from expokeep.history.saved import Saved
from expokeep.log import get
from expokeep.model.names import (
    SessionId,
    from_text,
    new_session_id,
    plain,
)
from expokeep.model.tree import Tree, diff, tree_digest
from expokeep.model.version import Origin, Version, VersionRef
from expokeep.service import bodies
from expokeep.service.acting import Acting
from expokeep.service.asked_save import SaveWish, asked_save
from expokeep.service.parts import Parts
from expokeep.service.referring import visible_ref
from expokeep.service.rights import Rights

log = get(__name__)


class ForkWish(msgspec.Struct):
    """What a request says of a session that is to begin."""

    session: str | None = None
    user: str | None = None
    name: str | None = None
    message: str | None = None
    id: uuid.UUID | None = None
    """Of the wish: with the same one it is fulfilled once, however often it comes."""

    @property
    def new_session(self) -> SessionId:
        """The id that the session is to have: the same one for the same wish."""
        if self.session:
            return bodies.session(self.session)
        if self.id is None:
            return new_session_id()
        return SessionId(str(uuid.uuid5(self.id, "session")))


class RevertWish(msgspec.Struct):
    """What a request says of going back."""

    version: str = ""
    paths: list[str] = []
    message: str | None = None
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Beginning:
    """Begins sessions with versions that are kept."""

    parts: Parts
    rights: Rights
    acting: Acting

    def meant(self, ref: str) -> Version:
        """Return the version that is meant; `SID` is what it is at this moment.

        Raises:
            Busy: that cannot be recorded for now, and what is recorded is older.
        """
        naming = Naming(self.parts.engine.backends.catalog, clock.now)
        session, separator, _ = ref.partition("@")
        if not separator:
            self.acting.catch_up(session)
        version = naming.version(ref)
        if not separator and self.parts.engine.spool.pending(version.session):
            waits = Busy(f"what changed last of {version.session} is not recorded yet")
            waits.hint = (
                f"Wait, or take what is recorded: {version.session}@{version.seq}"
            )
            raise waits
        return version

    def begin(
        self, call: Call, version: Version, wish: ForkWish, trigger: Trigger
    ) -> Forked:
        """Begin a session for whoever asks, who may see the version.

        Raises:
            SessionExists: its name is taken, or a directory of that name stands here.
        """
        catalog = self.parts.engine.backends.catalog
        named = self.rights.user_named(call.peer, wish.user)
        row = catalog.session(version.session, deleted_too=True)
        owner = named or (row.owner if row else None)
        session, pack = wish.new_session, wish.id or clock.uuid7()
        if catalog.trace([pack]).version is None:
            require_no_directory(self.parts, session)
        made = self.parts.forker.fork(
            Wish(
                session=session,
                trigger=trigger,
                origin=Origin(version.session, version.seq),
                owner=owner,
                author=named,
                message=wish.message,
                project_name=wish.name,
                pack=pack,
            )
        )
        with contextlib.suppress(ExpokeepError):
            catalog.touch(version.session, at=clock.now())
        mine = catalog.session(made.session)
        return Forked(
            session=made.session,
            version=made.seq,
            origin_session=version.session,
            origin_version=version.seq,
            owner=owner,
            project_name=mine.project_name if mine else None,
            file_count=made.file_count,
            size_bytes=made.size_bytes,
        )


@dataclass(frozen=True, slots=True)
class ForkingRoutes:
    """Forks, and goes back."""

    parts: Parts
    rights: Rights
    acting: Acting

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("POST", "/v1/versions/{ref}/fork", self.fork),
            ("POST", "/v1/sessions/{session}/revert", self.revert),
        )

    def fork(self, call: Call) -> Reply:
        """Begin a session with a version of another one."""
        wish = bodies.body(call, ForkWish)
        ref = visible_ref(self.rights, call)
        beginning = Beginning(self.parts, self.rights, self.acting)
        made = beginning.begin(call, beginning.meant(ref), wish, "fork")
        return Document(msgspec.json.encode(made))

    def revert(self, call: Call) -> Reply:
        """Let a session go back to what it had, whole or in part."""
        wish, session = (
            bodies.body(call, RevertWish),
            bodies.session(call.path["session"]),
        )
        self.rights.require_kept(call.peer, session)
        if not wish.version:
            raise UsageError("name the version to go back to: 17, 2h or label:NAME")
        selector = wish.version.partition("@")[2] or wish.version
        if "@" in wish.version and wish.version != f"{session}@{selector}":
            raise UsageError(f"{wish.version} is no version of {session}; see `fork`")
        version = self._naming.version(f"{session}@{selector}")
        if version.session != session:
            raise NotFound(f"no session {session} is kept")
        author = self.rights.caller(call.peer).user
        return Lines(self._reverted(wish, version, author))

    def _reverted(
        self, wish: RevertWish, version: Version, author: str | None
    ) -> Iterator[bytes]:
        """Yield how far the save of what is there is, and what became of it all."""
        parts, session = self.parts, version.session
        line, aside = parts.board.main_line(session), False
        if line is not None and not wish.dry_run:
            said = SaveWish(
                message=f"before going back to version {version.seq}", force=wish.force
            )
            aside = yield from _all_but_the_last(asked_save(parts, line, said))
        catalog = parts.engine.backends.catalog
        head = catalog.resolve(VersionRef(session))
        now, then = catalog.tree(head), catalog.tree(version)
        tree = gone_back(now, then, [_path(text) for text in wish.paths])
        made, state = self._made(wish, (version, head), tree, author)
        changed = diff(now, tree)
        differs = line is not None and (state != "unchanged" or aside)
        told = Reverted(
            session=session,
            state=state,
            version=made.seq if made else None,
            origin_version=version.seq,
            set_count=len(changed.set),
            gone_count=len(changed.gone),
            directory=str(line.path) if line is not None and differs else None,
            parked=made.parked if made else None,
        )
        yield msgspec.json.encode(told)

    def _made(
        self,
        wish: RevertWish,
        between: tuple[Version, Version],
        tree: Tree,
        author: str | None,
    ) -> tuple[Version | None, str]:
        """Return the version that a session is after all, and how it came to that."""
        version, head = between
        if tree_digest(tree) == head.tree:
            return head, "unchanged"
        if wish.dry_run:
            return None, "planned"
        what = "of " + ", ".join(wish.paths) if wish.paths else ""
        made = self.parts.forker.fork(
            Wish(
                session=version.session,
                trigger="revert",
                origin=Origin(version.session, version.seq),
                tree=tree,
                author=author,
                message=wish.message or f"back to version {version.seq} {what}".strip(),
                force=wish.force,
            )
        )
        return made, "recorded"

    @property
    def _naming(self) -> Naming:
        return Naming(self.parts.engine.backends.catalog, clock.now)


def require_no_directory(parts: Parts, session: SessionId) -> None:
    """Check that no directory stands on this host under a name that is to be new.

    Raises:
        SessionExists: one does. It may be captured at any moment.
    """
    if parts.board.main_line(session) is None and not os.path.lexists(
        parts.home(session)
    ):
        return
    raise SessionExists(f"a directory of {session} stands on this host")


def _all_but_the_last(lines: Iterator[bytes]) -> Generator[bytes, None, bool]:
    """Yield how far a save is; return whether what it kept is not the head."""
    before: bytes | None = None
    for line in lines:
        if before is not None:
            yield before
        before = line
    saved = None if before is None else msgspec.json.decode(before, type=Saved)
    return saved is not None and saved.parked is not None


def _path(text: str) -> bytes:
    try:
        return plain(from_text(text))
    except ValueError as error:
        raise UsageError(str(error)) from error
