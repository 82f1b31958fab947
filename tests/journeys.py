"""Both journeys without a daemon: a real catalog, any store, one thread, no waiting."""

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from expokeep import clock, wiring
from expokeep.catalog.base import Catalog
from expokeep.catalog.values import Host
from expokeep.fork.run import Forker, Record, Site
from expokeep.fork.under_way import UnderWay
from expokeep.fork.values import Wish as ForkWish
from expokeep.model.guard import Limits
from expokeep.model.ignore import DEFAULT_EXCLUDES
from expokeep.model.names import SessionId
from expokeep.model.version import Version
from expokeep.restore.ahead import Holdings
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.restore.run import Result, Wish, restore
from expokeep.snapshot.build import Builder
from expokeep.snapshot.claims import Claims
from expokeep.snapshot.judging import Judge
from expokeep.snapshot.keep import Tools
from expokeep.snapshot.memory import Memories
from expokeep.snapshot.outcome import Outcome
from expokeep.snapshot.owning import beside
from expokeep.snapshot.remains import Remains
from expokeep.snapshot.run import Snapshotter
from expokeep.snapshot.ship import Shipped, Shipper
from expokeep.snapshot.values import Moment, Policy, Request
from expokeep.spool.spool import Spool
from expokeep.store.base import Store

SHOP = SessionId("shop")
POLICY = Policy(
    deletion_grace_s=60.0,
    max_file_bytes=500 * 1024 * 1024,
    excludes=DEFAULT_EXCLUDES,
    ignore_file=".expokeepignore",
    base_level=3,
    incremental_level=6,
    scope="main",
    key_prefix="v1/",
    fsync=False,
    guard=Limits(),
)


@dataclass
class Keeper:
    """One host: its state directory, and what a daemon on it would do."""

    catalog: Catalog
    store: Store
    top: Path
    executor: ThreadPoolExecutor
    policy: Policy = POLICY
    host: Host = field(default_factory=lambda: Host(uuid.uuid4(), "here"))
    forks: UnderWay = field(default_factory=UnderWay)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin as a new process would, on what the last one left on disk."""
        self.spool = Spool(self.top / "spool", fsync=False)
        self.spool.open()
        builder = Builder(self.spool, self.policy, self.executor)
        tools = Tools(self.catalog, builder, Claims(), self.policy)
        memories = Memories(self.top / "index")
        remains = Remains(self.spool, memories, self.policy)
        self.snapshotter = Snapshotter(tools, self.spool, memories, self.host)
        self.shipper = Shipper(
            self.catalog,
            self.store,
            self.spool,
            self.host,
            lambda *_: None,
            Judge(self.catalog, self.host, self.policy.guard, remains),
            remains,
            self.executor,
        )
        fetcher = Fetcher(
            self.store, RangeCache(self.top / "cache", 1 << 30), self.executor, ahead=4
        )
        holdings = Holdings(
            self.spool, memories.shelf, self.host, self.policy.guard, beside
        )
        self.source = wiring.reading_of(
            self.catalog, fetcher, holdings, self.home, memories.expect
        ).source

    def home(self, session: SessionId) -> Path:
        """Return the directory of a session."""
        return self.top / f"expo-{session}"

    def look(self, session: SessionId = SHOP, **request: object) -> Outcome:
        """Take a snapshot, and ship nothing."""
        wish = Request(session, self.home(session))
        moment = Moment(clock.now(), clock.monotonic_s(), clock.now_ns())
        return self.snapshotter.snapshot(replace(wish, **request), moment)

    def ship(self, session: SessionId = SHOP) -> list[Shipped]:
        """Ship all that waits for a session."""
        shipped = []
        for entry in self.spool.pending(session):
            self.snapshotter.settle_origin(entry.note)
            shipped.append(self.shipper.ship(entry))
            self.snapshotter.shipped(shipped[-1], entry.note)
        return shipped

    def save(self, session: SessionId = SHOP, **request: object) -> Version | None:
        """Snapshot and ship; None if nothing had changed.

        As a person would: what is gone is meant to be gone.
        """
        outcome = self.look(session, **{"believes_deletions": True, **request})
        if outcome.sealed is None:
            return None
        sealed = outcome.sealed
        try:
            shipped = self.shipper.ship(sealed.entry, sealed)
        finally:
            sealed.claim.release()
        self.snapshotter.shipped(shipped, sealed.entry.note)
        return shipped.version

    def fork(self, **wish: object) -> Version:
        """Make a version of what is kept, recorded at once."""
        return self.forker().fork(ForkWish(**wish))

    def forker(self, record: Record | None = None) -> Forker:
        """Return what makes versions of what is kept; without a word, at once."""
        return Forker(
            self.catalog,
            self.spool,
            self.host,
            Site(self.policy.scope, self.policy.key_prefix, 3, fsync=False),
            record or (lambda entry: self.shipper.ship(entry).version),
            clock.now,
            self.forks,
        )

    def restore(self, version: str, target: Path | None = None, **wish) -> Result:
        """Bring a version back."""
        return restore(self.source, Wish(version, target, **wish))


@contextlib.contextmanager
def keeper(catalog: Catalog, store: Store, top: Path) -> Iterator[Keeper]:
    """Hold a host ready."""
    with ThreadPoolExecutor(4) as executor:
        yield Keeper(catalog, store, top, executor)


Seen = Mapping[bytes, tuple[object, ...]]


def seen_in(top: Path, *, times: bool = True) -> Seen:
    """Return all that can be told of a directory by `lstat` and by reading it.

    Independent of the scan that it is compared with.
    """
    found: dict[bytes, tuple[object, ...]] = {}
    for directory, names, files in os.walk(bytes(top)):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            told: tuple[object, ...] = (stat.filemode(status.st_mode),)
            if stat.S_ISREG(status.st_mode):
                told += (Path(os.fsdecode(path)).read_bytes(),)
                told += (status.st_mtime_ns,) if times else ()
            elif stat.S_ISLNK(status.st_mode):
                told = ("link", os.readlink(path))
            found[os.path.relpath(path, bytes(top))] = told
    return found
