"""The verbs of the control socket that prove what is kept. All are for operators."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from expokeep import wiring
from expokeep.check import documents
from expokeep.check.values import Outcome, Wish
from expokeep.control.routes import Call, Handler, Lines, Reply
from expokeep.errors import Busy, UsageError
from expokeep.log import get
from expokeep.restore.drill import drilled
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights
from expokeep.settings.subsets import subset_of
from expokeep.wiring import chosen_versions

log = get(__name__)

Body = TypeVar("Body", bound=msgspec.Struct)


class CheckWish(msgspec.Struct):
    """What a request says of a check."""

    session: str | None = None
    read: str | None = None


class DrillWish(msgspec.Struct):
    """What a request says of drills."""

    version: str | None = None
    random: int = 1


@dataclass(frozen=True, slots=True)
class ProvingRoutes:
    """Checks and drills for whoever asks."""

    parts: Parts
    rights: Rights
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("POST", "/v1/check", self.check),
            ("POST", "/v1/drills", self.drill),
        )

    def check(self, call: Call) -> Reply:
        """Check everything, or one session; tell what is found as it is found."""
        self.rights.require_operator(call.peer)
        wish = _body(call, CheckWish)
        proving = self._proving()
        session = proving.naming.session(wish.session) if wish.session else None
        asked = Wish(session, subset_of(wish.read), wish.read)
        return Lines(self._checked(proving, asked))

    def drill(self, call: Call) -> Reply:
        """Restore versions from the bucket alone, and tell what came of it."""
        self.rights.require_operator(call.peer)
        wish = _body(call, DrillWish)
        proving = self._proving()
        versions = chosen_versions(proving, wish.version, wish.random)
        return Lines(
            msgspec.json.encode(one) for one in drilled(proving.drill, versions)
        )

    def _proving(self) -> wiring.Proving:
        engine = self.parts.engine
        return wiring.proving_of(
            engine.settings, engine.backends, engine.fetcher, engine.host
        )

    def _checked(self, proving: wiring.Proving, wish: Wish) -> Iterator[bytes]:
        if not self._alone.acquire(blocking=False):
            raise Busy("a check is under way already")
        try:
            for said in proving.checker.check(wish):
                if isinstance(said, Outcome):
                    log.info(
                        "check ended",
                        session=said.session,
                        versions=said.versions,
                        damage=len(said.damage),
                        took_s=round(said.took_s, 2),
                    )
                yield msgspec.json.encode(documents.document_of(said))
        finally:
            self._alone.release()


def _body(call: Call, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(call.body or b"{}", type=kind)
    except msgspec.MsgspecError as error:
        raise UsageError(f"the request cannot be understood: {error}") from error
