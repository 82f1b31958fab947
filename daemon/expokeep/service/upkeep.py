"""What is done every few seconds for this host: its lease, and order on its disk."""

import contextlib

from expokeep import clock, wiring
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.service.parts import Parts
from expokeep.worktree.checkout import remove_abandoned

log = get(__name__)

TIDY_EVERY_S = 3600.0


class Upkeep:
    """Says once that something has gone wrong, and once that it is over."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tidy_at_s = clock.monotonic_s()

    def act(self) -> None:
        """Do all that is due."""
        self._heartbeat()
        self._tidy()

    def _tidy(self) -> None:
        """Remove what killed restores left beside sessions; the next one would too."""
        if clock.monotonic_s() < self._tidy_at_s:
            return
        self._tidy_at_s = clock.monotonic_s() + TIDY_EVERY_S
        for watch in self._parts.settings.watch:
            with contextlib.suppress(OSError):
                remove_abandoned(watch.dir)

    def _heartbeat(self) -> None:
        parts = self._parts
        database = parts.settings.database
        if not database.configured:
            return
        try:
            facts_wait = self._beat(database.lease_ttl_s)
        except ExpokeepError as error:
            if parts.catalog_error is None:
                log.warning("catalog does not answer", error=str(error))
            parts.catalog_error = error
        else:
            if parts.catalog_error is not None:
                log.info("catalog answers again")
                parts.shipping.hurry()
            parts.catalog_error, parts.catalog_heard_at = None, clock.now()
            if facts_wait:
                parts.engine.facts_wait.set()
            self._tell()

    def _beat(self, lease_s: float) -> bool:
        """Ask whether the catalog answers, and hold our lease while we work."""
        catalog, host = self._parts.engine.backends.catalog, self._parts.engine.host
        with self._parts.lease:
            if not self._parts.is_drained:
                return catalog.heartbeat(host, lease_s=lease_s)
        catalog.server_time()
        return False

    def _tell(self) -> None:
        """Tell the catalog what is news; what fails is told another time."""
        telling = self._parts.telling
        if telling is not None:
            with contextlib.suppress(ExpokeepError):
                telling.tell_ends()
                telling.tell_held()
        app = wiring.legacy_ports(self._parts.engine.backends.catalog)
        if app is not None and self._parts.settings.database.legacy_tables:
            with contextlib.suppress(ExpokeepError):
                if app.rows.waits():
                    self._parts.engine.app_waits.set()
        tally = self._parts.tally
        if tally is not None:
            with contextlib.suppress(ExpokeepError):
                tally.tell()
