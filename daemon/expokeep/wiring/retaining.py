"""What forgets, sweeps and merges, put together."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from expokeep import clock
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.forgetting import PostgresForgetting
from expokeep.catalog.generations import PostgresGenerations
from expokeep.catalog.marking import PostgresMarks
from expokeep.catalog.merging import PostgresMerging
from expokeep.catalog.sweeping import PostgresSweeping
from expokeep.catalog.values import Host, Place
from expokeep.errors import ConfigError
from expokeep.history.naming import Naming
from expokeep.restore.fetch import Fetcher
from expokeep.retention.collect import Collector
from expokeep.retention.forget import Forgetter
from expokeep.retention.generation import Guard
from expokeep.retention.merge import Merger, Site
from expokeep.retention.plan import Rules
from expokeep.retention.ports import Contents
from expokeep.retention.sweep import Sweeper
from expokeep.retention.tidy import Tidying
from expokeep.settings.policies import SCOPE, merge_level_of, quotas_of, rules_of
from expokeep.settings.values import Settings
from expokeep.wiring.backends import Backends, database_of

_AHEAD = 4
"""Ranges on their way at once: a merge must not hold up a restore."""


@dataclass(frozen=True, slots=True)
class Retaining:
    """All that decides what is kept, and lets go of the rest."""

    rules: Rules
    forgetter: Forgetter
    deletions: PostgresDeleting
    marks: PostgresMarks
    tidying: Tidying
    collector: Collector
    naming: Naming


def retaining_of(
    settings: Settings, held: Backends, fetching: Fetcher, host: Host
) -> Retaining:
    """Return it, on backends that are open.

    Raises:
        ConfigError: no database is configured.
    """
    database = database_of(held.catalog)
    if database is None:
        raise ConfigError("the catalog is not configured: set DATABASE_URL")
    prefix, grace_s = settings.storage.prefix, settings.retention.grace_s
    slow = replace(fetching, ahead=min(fetching.ahead, _AHEAD))

    def fetch(places: Collection[Place]) -> Iterator[Contents]:
        return slow.blobs(places, held.catalog.places)

    guard = Guard(PostgresGenerations(database), held.store, prefix)
    packs, merges = PostgresSweeping(database), PostgresMerging(database)
    level = merge_level_of(settings)
    site = Site(host.id, SCOPE, prefix, settings.state_dir / "merge", level)
    tidying = Tidying(packs, merges, Merger(merges, fetch, held.store, site))
    deletions = PostgresDeleting(database, quotas_of(settings))
    now = held.catalog.server_time
    sweeper = Sweeper(packs, held.store, guard.next, grace_s, prefix, now)
    return Retaining(
        rules=rules_of(settings),
        forgetter=Forgetter(PostgresForgetting(database), guard.require),
        deletions=deletions,
        marks=PostgresMarks(database),
        tidying=tidying,
        collector=Collector(
            deletions, tidying, sweeper, guard.require, settings.retention.days, grace_s
        ),
        naming=Naming(held.catalog, clock.now),
    )
