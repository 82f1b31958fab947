"""Forgetting without a daemon: what looks after a catalog and a bucket."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.forgetting import PostgresForgetting
from expokeep.catalog.generations import PostgresGenerations
from expokeep.catalog.marking import PostgresMarks
from expokeep.catalog.merging import PostgresMerging
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.sweeping import PostgresSweeping
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.retention.collect import Collected, Collector
from expokeep.retention.forget import Forgetter, Forgotten
from expokeep.retention.generation import Guard
from expokeep.retention.merge import Merged, Merger, Site
from expokeep.retention.pace import Pace
from expokeep.retention.plan import Rules
from expokeep.retention.sweep import Sweeper
from expokeep.retention.tidy import Tidying
from expokeep.store.base import Store


@dataclass
class Warden:
    """One daemon's maintenance, step by step."""

    catalog: PostgresCatalog
    store: Store
    top: Path
    executor: ThreadPoolExecutor
    grace_s: float = 0.0
    fan: int = 16
    host: uuid.UUID = field(default_factory=uuid.uuid4)

    def __post_init__(self) -> None:
        database = self.catalog.database
        fetcher = Fetcher(
            self.store, RangeCache(self.top / "cache", 1 << 30), self.executor, ahead=4
        )
        with database.apart(answer_s=5) as connection:
            connection.execute(
                "INSERT INTO host VALUES (%s, 'warden', now() + interval '1 day')",
                [self.host],
            )
        guard = Guard(PostgresGenerations(database), self.store, "v1/")
        packs = PostgresSweeping(database)
        merges = PostgresMerging(database)
        merger = Merger(
            merges,
            lambda places: fetcher.blobs(places, self.catalog.places),
            self.store,
            Site(self.host, "main", "v1/", self.top / "merge"),
        )
        self.versions = PostgresForgetting(database)
        self.deletions = PostgresDeleting(database)
        self.marks = PostgresMarks(database)
        self.tidying = Tidying(packs, merges, merger, fan=self.fan)
        self.sweeper = Sweeper(
            packs,
            self.store,
            guard.next,
            self.grace_s,
            "v1/",
            self.catalog.server_time,
        )
        self.collector = Collector(
            self.deletions, self.tidying, self.sweeper, guard.require, 30, self.grace_s
        )

    def forget(self, *sessions: str, dry_run: bool = False, **rules) -> list[Forgotten]:
        found = Forgetter(self.versions, self.collector.check).run(
            Rules(**rules), sessions or None, Pace(), dry_run=dry_run
        )
        return list(found)

    def merge(self) -> list[Merged]:
        return self.tidying.merge(Pace())

    def collect(self) -> Collected:
        return self.collector.run(Pace())
