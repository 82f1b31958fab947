"""Makes sessions, packs and versions for tests of a catalog, without any bytes."""

import datetime
import itertools
import uuid
from dataclasses import dataclass, field, replace

from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.values import (
    Host,
    NewVersion,
    Opened,
    PackRecord,
    Place,
    RootIdentity,
    RootOwner,
)
from expokeep.clock import uuid7
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import (
    Delta,
    Entry,
    File,
    diff,
    file_count,
    files_in,
    size_bytes,
    tree_digest,
)
from expokeep.model.version import Version

NOON = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
"""In the past: nothing is recorded before it was taken."""
SHOP = SessionId("shop")
HOST = Host(uuid.UUID(int=1), "one")
OTHER_HOST = Host(uuid.UUID(int=2), "two")
ROOT = RootOwner(uid=1000, gid=1000, mode=0o755)


def a_file(contents: bytes, mode: int = 0o644) -> File:
    """Return a file as the catalog sees it."""
    return File(digest_of(contents), len(contents), mode)


def a_pack(session: str, kind: str = "incr") -> PackRecord:
    """Return a pack that was never known before."""
    pack = uuid7()
    key = f"v1/main/{session}/0000000001-0-{pack}.tar.zst"
    return PackRecord(pack, key, kind, 0, 4096)


def place_of(file: File, pack: PackRecord) -> Place:
    """Return where a pack would hold the contents of a file."""
    return Place(
        file.digest, file.size_bytes, pack.id, pack.key, 80, 1000, file.size_bytes, 0
    )


@dataclass
class Scribe:
    """Keeps one directory as a session: opens it, and records its trees."""

    catalog: PostgresCatalog
    session: SessionId = SHOP
    host: Host = HOST
    inode: int = 1
    birth_ns: int = 1
    tree: dict[bytes, Entry] = field(default_factory=dict)
    minutes: itertools.count = field(default_factory=itertools.count)

    @property
    def identity(self) -> RootIdentity:
        return RootIdentity(device=7, inode=self.inode, birth_ns=self.birth_ns)

    def open(self, owner: str | None = None) -> Opened:
        return self.catalog.open_session(
            self.session, self.identity, ROOT, self.host, owner=owner
        )

    def draft(self, tree: dict[bytes, Entry], **changes) -> NewVersion:
        """Return the next version; its pack is begun, nothing is committed."""
        opened = self.open()
        begun = opened.tip_pack is not None
        delta = diff(self.tree, tree) if begun else Delta(tree, frozenset())
        pack = a_pack(self.session, "incr" if begun else "base")
        files = {file.digest: file for _, file in files_in(delta.set)}
        reused = self.catalog.begin(opened, [pack], files.keys())
        new = NewVersion(
            session=self.session,
            fence=opened.fence,
            seq=opened.last_seq + 1,
            epoch=opened.epoch,
            parent_pack=opened.tip_pack,
            taken_at=NOON + datetime.timedelta(minutes=next(self.minutes)),
            trigger="auto",
            tree=tree_digest(tree),
            file_count=file_count(tree),
            size_bytes=size_bytes(tree),
            delta=delta,
            packs=(pack,),
            places=tuple(
                place_of(file, pack)
                for digest, file in files.items()
                if digest not in reused
            ),
            reused=reused,
            moves_head=True,
        )
        return replace(new, **changes)

    def record(self, tree: dict[bytes, Entry], **changes) -> Version:
        """Commit the next version, and go on from it."""
        version = self.catalog.commit(self.draft(tree, **changes))
        self.tree = tree
        return version
