"""Puts together the looks at the servers, and all of them where no daemon is asked."""

from collections.abc import Iterator

from expokeep import wiring
from expokeep.catalog.base import Catalog
from expokeep.doctor.bucket import bucket
from expokeep.doctor.configured import consistency, overriding
from expokeep.doctor.disks import disks
from expokeep.doctor.servers import Ourselves, postgres
from expokeep.doctor.values import Check
from expokeep.settings.load import Loaded
from expokeep.settings.values import Settings


def servers(
    settings: Settings, catalog: Catalog, ourselves: Ourselves | None = None
) -> Iterator[Check]:
    """Look at Postgres and at the bucket."""
    yield from postgres(settings, catalog, ourselves)
    yield from bucket(settings)


def alone(loaded: Loaded) -> Iterator[Check]:
    """Look at all that can be seen where no daemon is asked."""
    settings = loaded.settings
    with wiring.catalog(settings) as catalog:
        yield from servers(settings, catalog)
    yield from disks(settings)
    yield Check("configuration", "ok", str(loaded.path or "without a file"))
    yield overriding(loaded)
    yield from consistency(settings)
