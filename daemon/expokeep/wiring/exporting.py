"""What makes exports in the bucket, put together."""

from dataclasses import dataclass

from expokeep import clock
from expokeep.catalog.values import Host
from expokeep.export.exporter import Exporter, Site
from expokeep.restore.fetch import Fetcher
from expokeep.restore.local import LocalSource
from expokeep.settings.values import Settings
from expokeep.wiring.backends import Backends, outlet_of
from expokeep.wiring.reading import home_in


@dataclass(frozen=True, slots=True)
class Exporting:
    """What makes exports, and what they are made of."""

    exporter: Exporter
    source: LocalSource


def exporting_of(
    settings: Settings, held: Backends, fetching: Fetcher, host: Host
) -> Exporting:
    """Return it, on backends that are open.

    Raises:
        ConfigError: no bucket is configured.
    """
    site = Site(
        store=held.store,
        outlet=outlet_of(held.store),
        directory=settings.state_dir / "export",
        public_url=settings.storage.public_url,
        reserve_bytes=settings.spool.min_free_bytes,
        now=clock.now,
    )
    source = LocalSource(
        held.catalog, fetching, host, home=home_in(settings), now=clock.now
    )
    return Exporting(Exporter(site), source)
