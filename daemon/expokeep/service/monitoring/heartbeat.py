"""Tells a check elsewhere that all is well, for as long as it is.

Silence is the alarm: it also comes when this host burns down. So nothing is sent that
says "ill"; whoever waits for us notices by itself, whatever it is.
"""

from collections.abc import Callable, Iterator

from expokeep import clock
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.service.monitoring.health import Judge
from expokeep.service.monitoring.metric import Sample
from expokeep.service.monitoring.unsaved import ages_s, unsaved
from expokeep.service.parts import Parts
from expokeep.webhooks.sending import fetch

log = get(__name__)

LOOK_EVERY_S = 1.0
AGAIN_AFTER_S = 10.0
"""Between two looks while something is not well, or nobody took it."""


class Heartbeat:
    """Says that all is well. `act` comes from one thread; the rest from any."""

    def __init__(
        self, parts: Parts, judge: Judge, send: Callable[[str], None] = fetch
    ) -> None:
        self._parts = parts
        self._judge = judge
        self._send = send
        self._due_s = clock.monotonic_s()
        self._trouble: str | None = None
        """What was said last of why none was sent: it is said once."""
        self._sent_at_s = 0.0

    def act(self) -> None:
        """Say it, if it is time, and if it is so."""
        url, began_s = self._parts.settings.heartbeat_url, clock.monotonic_s()
        if url is None or began_s < self._due_s:
            return
        interval_s = self._parts.settings.heartbeat_interval_s
        trouble = next(self.troubles(), None)
        if trouble is not None:
            self._parts.counts.add("heartbeats_total", "withheld")
            self._tell("heartbeat withheld", trouble)
        else:
            trouble = self._sent(url)
        self._parts.heartbeat_trouble = trouble
        again_s = interval_s if trouble is None else min(interval_s, AGAIN_AFTER_S)
        self._due_s = began_s + again_s

    def troubles(self) -> Iterator[str]:
        """Yield what is not well, in words that name no session."""
        parts = self._parts
        for health in (self._judge.health(), self._judge.readiness()):
            yield from (
                f"{one.name}: {one.says}" for one in health.parts if not one.is_well
            )
        objective_s = parts.settings.objective_s
        ages = ages_s(unsaved(parts), clock.now())
        if late := sum(age_s > objective_s for age_s in ages):
            yield f"{late} sessions have been unsaved for longer than the objective"
        if parts.catalog_error is not None:
            yield "the catalog is away"
        if parts.settings.storage.configured:
            usage = parts.engine.backends.store.usage()
            if usage.last_outcome not in (None, "ok"):
                yield "the bucket does not answer well"
        if parts.rooms.state != "ok":
            yield f"the spool is {parts.rooms.state}"

    def samples(self, parts: Parts) -> Iterator[Sample]:
        """Tell how that goes."""
        is_there = parts.settings.heartbeat_url is not None
        yield Sample("heartbeat_configured", is_there)
        interval_s = parts.settings.heartbeat_interval_s
        yield Sample("heartbeat_interval_seconds", interval_s)
        yield Sample("heartbeat_last_success_timestamp_seconds", self._sent_at_s)

    def _sent(self, url: str) -> str | None:
        """Send it; return why nobody took it, if nobody did."""
        try:
            self._send(url)
        except ExpokeepError as error:
            self._parts.counts.add("heartbeats_total", "failed")
            self._tell("heartbeat not taken", str(error))
            return str(error)
        self._parts.counts.add("heartbeats_total", "sent")
        self._sent_at_s = clock.now().timestamp()
        if self._trouble is not None:
            log.info("heartbeat goes on")
            self._trouble = None
        return None

    def _tell(self, event: str, why: str) -> None:
        if self._trouble != event:
            log.warning(event, reason=why)
            self._trouble = event
