"""A bucket that somebody else has written to, and a restore from nothing else."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from expokeep import wiring
from expokeep.catalog.values import Host
from expokeep.model.guard import Limits
from expokeep.rebuild.alone import BucketCatalog
from expokeep.restore.ahead import Holdings
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.restore.run import Result, Wish, restore
from expokeep.restore.source import Source
from expokeep.snapshot.owning import beside
from expokeep.spool.spool import Spool
from expokeep.store.memory import MemoryStore
from expokeep.worktree.shelf import Shelf
from hostile.forging import Forgery, put


@dataclass
class Bucket:
    """Objects, and a place to restore to."""

    top: Path
    executor: ThreadPoolExecutor
    store: MemoryStore = field(default_factory=MemoryStore)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, top: Path) -> Iterator["Bucket"]:
        """Hold an empty one."""
        (top / "place").mkdir()
        with ThreadPoolExecutor(2) as executor:
            yield cls(top, executor)

    @property
    def target(self) -> Path:
        """Where a restore is to go."""
        return self.top / "place/back"

    def put(self, *forgeries: Forgery) -> None:
        """Put packs where they say that they belong."""
        for one in forgeries:
            put(self.store, one.key, one.made())

    def left(self) -> list[str]:
        """Return what is where there was nothing."""
        places = ("", "place")
        found = {f"{one}/{name}" for one in places for name in self._in(one)}
        return sorted(found - {"/place", "/spool", "/index"})

    def _in(self, name: str) -> list[str]:
        return os.listdir(self.top / name)

    def catalog(self) -> BucketCatalog:
        """Return what the bucket tells."""
        return BucketCatalog(self.store, "v1/", "main", Limits(), self.executor)

    def source(self) -> Source:
        """Return what `--direct --from-bucket` restores from."""
        catalog = self.catalog()
        cache = RangeCache(Path(os.devnull), 0)
        fetcher = Fetcher(self.store, cache, self.executor, ahead=4)
        spool = Spool(self.top / "spool", fsync=False)
        shelf = Shelf(self.top / "index")
        host = Host(uuid.uuid4(), "here")
        held = Holdings(spool, shelf, host, Limits(), beside)
        return wiring.reading_of(catalog, fetcher, held, lambda _session: None).source

    def restore(self, version: str, **wish: object) -> Result:
        """Restore a version."""
        return restore(self.source(), Wish(version, self.target, **wish))
