"""Reading straight from the bucket, put together: no daemon, and no Postgres."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from expokeep import clock
from expokeep.catalog.base import Catalog
from expokeep.history.history import History
from expokeep.rebuild.alone import BucketCatalog
from expokeep.restore.local import LocalSource
from expokeep.settings.policies import SCOPE, guard_of
from expokeep.settings.values import Settings
from expokeep.wiring.backends import store
from expokeep.wiring.host import host_of
from expokeep.wiring.reading import fetcher, home_in


@dataclass(frozen=True, slots=True)
class ReadingAlone:
    """What only reads, of the bucket alone."""

    history: History
    source: LocalSource


@contextlib.contextmanager
def reading_alone(settings: Settings) -> Iterator[ReadingAlone]:
    """Hold what `--direct --from-bucket` needs: the bucket, and no Postgres."""
    with (
        store(settings) as held,
        fetcher(settings, held) as fetching,
        ThreadPoolExecutor(settings.restore.parallelism, "heads") as pool,
    ):
        prefix = settings.storage.prefix
        alone = BucketCatalog(held, prefix, SCOPE, guard_of(settings), pool)
        # It answers all that reading asks; what else there is, nobody asks here.
        catalog = cast("Catalog", alone)
        source = LocalSource(
            catalog, fetching, host_of(settings), home=home_in(settings), now=clock.now
        )
        history = History(
            catalog, lambda places: fetching.blobs(places, alone.places), clock.now
        )
        yield ReadingAlone(history, source)
