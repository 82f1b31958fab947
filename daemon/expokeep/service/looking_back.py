"""The verbs of the control socket that look back: log, find and blame."""

from dataclasses import dataclass

from expokeep.catalog.past_values import Viewer
from expokeep.control.routes import Call, Handler, Reply
from expokeep.errors import UsageError
from expokeep.history.history import History
from expokeep.history.version_log import LogWish
from expokeep.model.digest import Digest, parse_digest
from expokeep.service import bodies, queries
from expokeep.service.origins import told_log
from expokeep.service.referring import require_visible, visible_ref
from expokeep.service.rights import Rights


@dataclass(frozen=True, slots=True)
class LookingBackRoutes:
    """Tells what was, to those who may know."""

    history: History
    rights: Rights

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("GET", "/v1/sessions/{session}/versions", self.log),
            ("GET", "/v1/versions/{ref}/blame", self.blame),
            ("GET", "/v1/find", self.find),
        )

    def log(self, call: Call) -> Reply:
        """List the versions of a session."""
        session = call.path["session"]
        require_visible(self.rights, call, session)
        wish = LogWish(
            since=queries.one(call, "since"),
            limit=queries.limit(call),
            only_marked=queries.switch(call, "labels"),
            with_counts=queries.switch(call, "counts"),
            with_epochs=queries.switch(call, "epochs"),
        )
        found = self.history.log(session, wish)
        return bodies.document(told_log(found, self.rights, call.peer))

    def blame(self, call: Call) -> Reply:
        """Tell whose each line of a file is."""
        ref = visible_ref(self.rights, call)
        return bodies.document(self.history.blame(ref, queries.path(call)))

    def find(self, call: Call) -> Reply:
        """Find paths by a glob, or whoever has some contents."""
        sessions = call.query.get("session", ())
        for session in sessions:
            require_visible(self.rights, call, session)
        glob, digest = queries.one(call, "glob"), queries.one(call, "digest")
        if bool(glob) == bool(digest):
            raise UsageError("name a glob, ?glob=*.js, or contents, ?digest=SHA-256")
        if digest:
            caller = self.rights.caller(call.peer)
            viewer = Viewer(owner=caller.user, uid=caller.uid)
            return bodies.document(
                self.history.holders(_digest(digest), viewer, sessions)
            )
        if not sessions:
            self.rights.require_operator(call.peer)
        return bodies.document(self.history.find(queries.name_of(glob or ""), sessions))


def _digest(text: str) -> Digest:
    try:
        return parse_digest(text.lower().removeprefix("sha256:"))
    except ValueError as error:
        raise UsageError("contents are named by 64 hex digits of SHA-256") from error
