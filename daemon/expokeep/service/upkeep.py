"""What is done every few seconds: the lease of this host."""

import contextlib

from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.service.parts import Parts

log = get(__name__)


class Upkeep:
    """Says once that something has gone wrong, and once that it is over."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def act(self) -> None:
        """Do all that is due."""
        self._heartbeat()

    def _heartbeat(self) -> None:
        parts = self._parts
        database = parts.settings.database
        if not database.configured:
            return
        try:
            facts_wait = parts.engine.backends.catalog.heartbeat(
                parts.engine.host, lease_s=database.lease_ttl_s
            )
        except ExpokeepError as error:
            if parts.catalog_error is None:
                log.warning("catalog does not answer", error=str(error))
            parts.catalog_error = error
        else:
            if parts.catalog_error is not None:
                log.info("catalog answers again")
                parts.shipping.hurry()
            parts.catalog_error = None
            if facts_wait:
                parts.engine.facts_wait.set()
            self._tell()

    def _tell(self) -> None:
        """Tell the catalog what is news; what fails is told another time."""
        telling = self._parts.telling
        if telling is not None:
            with contextlib.suppress(ExpokeepError):
                telling.tell_ends()
                telling.tell_held()
