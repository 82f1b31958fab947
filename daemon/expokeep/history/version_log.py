"""The list of versions, and what it says beside them: what waits, what ended."""

import contextlib
import datetime
from dataclasses import dataclass
from typing import Protocol

import msgspec

from expokeep.catalog.past_values import Epoch
from expokeep.errors import ExpokeepError
from expokeep.history.documents import Document
from expokeep.history.logged import LoggedVersion
from expokeep.model.documents import (
    EndDocument,
    HeldDocument,
    WaitingDocument,
)
from expokeep.model.names import SessionId


class EpochDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a session's directory."""

    number: int
    host: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None
    base_seq: int | None
    first_seq: int | None
    last_seq: int | None
    versions: int


class VersionLog(Document, frozen=True, tag="log"):
    """The versions of a session, newest first."""

    session: str
    head_seq: int | None
    versions: tuple[LoggedVersion, ...]
    truncated: bool = False
    waiting: tuple[WaitingDocument, ...] = ()
    """What waits on this host to be recorded, oldest first."""
    ended: tuple[EndDocument, ...] = ()
    held_elsewhere: tuple[HeldDocument, ...] = ()
    epochs: tuple[EpochDocument, ...] = ()
    """The lives of the directory, newest first; only where they were asked for."""


@dataclass(frozen=True, slots=True)
class LogWish:
    """What of the versions of a session is wanted."""

    since: str | None = None
    limit: int = 1000
    only_marked: bool = False
    """Those that have a label or are pinned."""
    with_counts: bool = False
    with_epochs: bool = False


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


def epoch_document(epoch: Epoch) -> EpochDocument:
    """Return a life of a directory as a document."""
    return EpochDocument(
        number=epoch.number,
        host=epoch.host,
        started_at=epoch.started_at,
        ended_at=epoch.ended_at,
        base_seq=epoch.base_seq,
        first_seq=epoch.first_seq,
        last_seq=epoch.last_seq,
        versions=epoch.versions,
    )
