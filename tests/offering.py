"""A daemon that has one version to give: real sockets, and contents from memory."""

import contextlib
import datetime
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from expokeep.control.blobs import encoded
from expokeep.control.routes import Bytes, Call, Document, Reply, Route
from expokeep.errors import NotFound
from expokeep.history.documents import (
    SessionStatus,
    SpoolStatus,
    Status,
    WatchStatus,
)
from expokeep.model.digest import digest_of, parse_digest
from expokeep.model.names import SessionId, parents
from expokeep.model.tree import (
    Directory,
    File,
    Tree,
    file_count,
    size_bytes,
    tree_digest,
)
from expokeep.model.version import Trigger, Version
from expokeep.restore.documents import offer_document
from expokeep.restore.source import NOTHING_ABOUT, About, Offer
from serving import serving

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


@dataclass
class Offering:
    """What the daemon keeps, and what it was told."""

    socket: Path | None = None
    files: Mapping[bytes, bytes] = field(
        default_factory=lambda: {b"App.js": b"hi\n", b"src/Button.js": b"// press\n"}
    )
    home: Path | None = None
    homes: dict[str, Path] = field(default_factory=dict)
    """Directories of sessions of which nothing was kept yet."""
    arrivals: list[dict[str, object]] = field(default_factory=list)
    endings: list[dict[str, object]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    damage: bytes | None = None
    """Comes instead of what was kept."""
    on_arrival: Callable[[], object] = lambda: None
    about: About = NOTHING_ABOUT
    trigger: Trigger = "save"

    def tree(self) -> Tree:
        above = {parent for path in self.files for parent in parents(path)}
        return {
            **{path: Directory() for path in above},
            **{
                path: File(digest_of(contents), len(contents))
                for path, contents in self.files.items()
            },
        }

    def version(self) -> Version:
        return Version(
            session=SessionId("shop"),
            seq=0 if self.about.unrecorded else 7,
            epoch=1,
            parent=6,
            taken_at=NOON,
            trigger=self.trigger,
            tree=tree_digest(self.tree()),
            file_count=file_count(self.tree()),
            size_bytes=size_bytes(self.tree()),
            message=None,
            author=None,
            parked=None,
            pack=uuid.UUID(int=1),
        )

    def offer(self, call: Call) -> Reply:
        ref = call.path["ref"]
        self.asked.append(ref)
        if ref.partition("@")[0] != "shop":
            raise NotFound(f"no session {ref} is kept")
        root = (0, 0, 0o755)
        offer = Offer(
            self.version(), self.tree(), *root, home=self.home, about=self.about
        )
        return Document(msgspec.json.encode(offer_document(offer)))

    def blobs(self, call: Call) -> Reply:
        kept = {digest_of(contents): contents for contents in self.files.values()}
        wanted = [
            parse_digest(one) for one in msgspec.json.decode(call.body)["digests"]
        ]
        return Bytes(
            encoded(
                (digest, len(kept[digest]), [self.damage or kept[digest]])
                for digest in wanted
            )
        )

    def status(self, call: Call) -> Reply:
        sessions = tuple(
            SessionStatus(
                session=session,
                directory=str(home),
                state="dirty",
                unsaved_since=NOON,
                last_seq=None,
                last_saved_at=None,
                pending=0,
            )
            for session, home in self.homes.items()
            if session in call.query.get("session", ())
        )
        status = Status(
            state="ok",
            oldest_unsaved_at=None,
            spool=SpoolStatus(entries=0, size_bytes=0, oldest_at=None),
            watch=WatchStatus(sessions=1, watches=1),
            store_error=None,
            catalog_error=None,
            sessions=sessions,
        )
        return Document(msgspec.json.encode(status))

    def arrive(self, call: Call) -> Reply:
        self.arrivals.append(msgspec.json.decode(call.body))
        self.on_arrival()
        return Document(b'{"message_type":"arrived"}')

    def ended(self, call: Call) -> Reply:
        self.endings.append(msgspec.json.decode(call.body))
        return Document(b'{"message_type":"noted"}')


@contextlib.contextmanager
def offering(*more: Route) -> Iterator[Offering]:
    """Serve a version, and whatever else a test answers."""
    here = Offering()
    routes = (
        Route("GET", "/v1/versions/{ref}/offer", here.offer),
        Route("POST", "/v1/versions/{ref}/blobs", here.blobs),
        Route("POST", "/v1/arrivals", here.arrive),
        Route("POST", "/v1/restores", here.ended),
        Route("GET", "/v1/status", here.status),
    )
    with serving(*routes, *more) as served:
        here.socket = served.path
        yield here
