"""The list of versions, and what it says beside them: what waits, what ended."""

import contextlib
from typing import Protocol

import msgspec

from expokeep.errors import ExpokeepError
from expokeep.history.documents import Document
from expokeep.model.documents import (
    EndDocument,
    HeldDocument,
    VersionDocument,
    WaitingDocument,
)
from expokeep.model.names import SessionId


class VersionLog(Document, frozen=True, tag="log"):
    """The versions of a session, newest first."""

    session: str
    head_seq: int | None
    versions: tuple[VersionDocument, ...]
    truncated: bool = False
    waiting: tuple[WaitingDocument, ...] = ()
    """What waits on this host to be recorded, oldest first."""
    ended: tuple[EndDocument, ...] = ()
    held_elsewhere: tuple[HeldDocument, ...] = ()


class Aside(Protocol):
    """Tells it; each may raise an `ExpokeepError`."""

    def waiting(self, session: SessionId) -> tuple[WaitingDocument, ...]:
        """Return what waits on this host, oldest first."""
        ...

    def ended(self, session: SessionId) -> tuple[EndDocument, ...]:
        """Return after which versions a directory was removed."""
        ...

    def held_elsewhere(self, session: SessionId) -> tuple[HeldDocument, ...]:
        """Return what other hosts hold and could not record yet."""
        ...


def waiting_count(aside: Aside | None, session: SessionId) -> int:
    """Return how many snapshots wait on this host, as far as anybody can tell."""
    with contextlib.suppress(ExpokeepError):
        return len(aside.waiting(session)) if aside else 0
    return 0


def with_asides(log: VersionLog, aside: Aside) -> VersionLog:
    """Return a list of versions with what is to be said beside them, if it can be."""
    session = SessionId(log.session)
    for name, tell in (
        ("waiting", aside.waiting),
        ("ended", aside.ended),
        ("held_elsewhere", aside.held_elsewhere),
    ):
        with contextlib.suppress(ExpokeepError):
            log = msgspec.structs.replace(log, **{name: tell(session)})
    return log
