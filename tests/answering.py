"""A daemon that answers what a test says, on a real control socket."""

import contextlib
import datetime
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from expokeep.control.routes import Bytes, Call, Document, Lines, Reply, Route
from expokeep.history.documents import (
    SessionStatus,
    SpoolStatus,
    Status,
    WatchStatus,
)
from expokeep.history.logged import LoggedVersion
from serving import serving

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)

ROUTES = (
    ("GET", "/v1/info"),
    ("GET", "/v1/status"),
    ("GET", "/v1/doctor"),
    ("GET", "/v1/db"),
    ("GET", "/v1/events"),
    ("GET", "/v1/audit"),
    ("POST", "/v1/drain"),
    ("POST", "/v1/reload"),
    ("GET", "/v1/sessions"),
    ("POST", "/v1/sessions/{session}/save"),
    ("GET", "/v1/sessions/{session}/versions"),
    ("POST", "/v1/flush"),
    ("POST", "/v1/pause"),
    ("POST", "/v1/resume"),
    ("GET", "/v1/versions/{ref}"),
    ("POST", "/v1/versions/{ref}/accept"),
    ("POST", "/v1/versions/{ref}/fork"),
    ("POST", "/v1/sessions/{session}/revert"),
    ("GET", "/v1/templates"),
    ("POST", "/v1/versions/{ref}/share"),
    ("GET", "/v1/shares"),
    ("POST", "/v1/shares/show"),
    ("POST", "/v1/shares/revoke"),
    ("POST", "/v1/shares/import"),
    ("GET", "/v1/shares/{share}/audit"),
    ("GET", "/v1/most-shared"),
    ("POST", "/v1/templates"),
    ("POST", "/v1/templates/{name}/new"),
    ("POST", "/v1/templates/{name}/delete"),
    ("GET", "/v1/versions/{ref}/tree"),
    ("GET", "/v1/versions/{ref}/contents"),
    ("GET", "/v1/versions/{ref}/blame"),
    ("GET", "/v1/find"),
    ("GET", "/v1/stats"),
    ("GET", "/v1/cost"),
    ("GET", "/v1/diff"),
    ("GET", "/v1/webhooks"),
    ("POST", "/v1/webhooks/test"),
    ("POST", "/v1/webhooks/retry"),
    ("POST", "/v1/check"),
    ("POST", "/v1/drills"),
    ("POST", "/v1/repair"),
    ("GET", "/v1/deleted"),
    ("GET", "/v1/builds"),
    ("GET", "/v1/quota"),
    ("POST", "/v1/quota"),
    ("POST", "/v1/forget"),
    ("POST", "/v1/gc"),
    ("POST", "/v1/sessions/{session}/delete"),
    ("POST", "/v1/sessions/{session}/undelete"),
    ("POST", "/v1/sessions/{session}/unlabel"),
    ("GET", "/v1/exports/terms"),
    ("GET", "/v1/publications"),
    ("POST", "/v1/versions/{ref}/plan"),
    ("POST", "/v1/versions/{ref}/publish"),
    ("POST", "/v1/sessions/{session}/withdraw"),
    ("POST", "/v1/versions/{ref}/label"),
    ("POST", "/v1/versions/{ref}/pin"),
    ("POST", "/v1/versions/{ref}/unpin"),
)

Answer = msgspec.Struct | bytes | Exception | Sequence[msgspec.Struct | Exception]
"""A document, contents, a refusal, or lines that may end in one."""


@dataclass
class Answering:
    """What will be answered by path, and what was asked."""

    socket: Path | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def query(self) -> Mapping[str, Sequence[str]]:
        """What the last request had behind its path, but for `abbreviated`."""
        query = self.calls[-1].query
        return {name: query[name] for name in query if name != "abbreviated"}

    def may_be_short(self) -> bool:
        """Whether the last request let a session be named by how it begins."""
        return "abbreviated" in self.calls[-1].query

    def body(self) -> object:
        """The document that the last request carried."""
        return msgspec.json.decode(self.calls[-1].body)

    def answer(self, pattern: str, call: Call) -> Reply:
        self.calls.append(call)
        answer = self.answers[pattern]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            return Bytes(iter([answer]))
        if isinstance(answer, msgspec.Struct):
            return Document(msgspec.json.encode(answer))
        return Lines(_lines(answer))


def _lines(answers: Sequence[msgspec.Struct | Exception]) -> Iterator[bytes]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
        yield msgspec.json.encode(answer)


@contextlib.contextmanager
def answering() -> Iterator[Answering]:
    """Serve all that a client can ask."""
    here = Answering()

    def route(method: str, pattern: str) -> Route:
        return Route(method, pattern, lambda call: here.answer(pattern, call))

    with serving(*(route(*row) for row in ROUTES)) as served:
        here.socket = served.path
        yield here


def version(seq: int = 7, **more: object) -> LoggedVersion:
    """Return a version as the daemon tells of it."""
    told = {
        "session": "shop",
        "seq": seq,
        "epoch": 1,
        "parent": seq - 1 or None,
        "taken_at": NOON,
        "trigger": "auto",
        "tree": "ab" * 32,
        "file_count": 3,
        "size_bytes": 1536,
        "message": None,
        "author": None,
        "parked": None,
        "pack": uuid.UUID(int=1),
    }
    return LoggedVersion(**{**told, **more})


def session_status(session: str = "shop", **more: object) -> SessionStatus:
    """Return how a session is."""
    told = {
        "session": session,
        "directory": f"/tmp/expo-{session}",
        "state": "idle",
        "unsaved_since": None,
        "last_seq": 7,
        "last_saved_at": NOON,
        "pending": 0,
    }
    return SessionStatus(**{**told, **more})


def status(*sessions: SessionStatus, **more: object) -> Status:
    """Return how a daemon is."""
    told = {
        "state": "ok",
        "oldest_unsaved_at": None,
        "spool": SpoolStatus(entries=0, size_bytes=0, oldest_at=None),
        "watch": WatchStatus(sessions=len(sessions), watches=3 * len(sessions)),
        "store_error": None,
        "catalog_error": None,
        "sessions": sessions,
    }
    return Status(**{**told, **more})
