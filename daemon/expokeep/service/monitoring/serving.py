"""Lets others look at a daemon: /metrics, /healthz and /readyz at `addr`.

That nobody can listen there is no reason not to keep anybody's work: it is said, in the
log and in `status`, and tried again.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from expokeep.control.pages import AddressUnusable, Answer, Page, Pages
from expokeep.log import get
from expokeep.service.monitoring.all_hosts import AllHosts
from expokeep.service.monitoring.declared import METRICS
from expokeep.service.monitoring.exposition import Exposition
from expokeep.service.monitoring.health import Judge, page
from expokeep.service.monitoring.heartbeat import LOOK_EVERY_S, Heartbeat
from expokeep.service.monitoring.metric import Sample, Spread
from expokeep.service.monitoring.reading import READERS, read
from expokeep.service.parts import Parts
from expokeep.service.workers import Repeating
from expokeep.settings.monitoring import host_and_port

log = get(__name__)

FIGURES_LOOK_EVERY_S = 1.0
TRY_EVERY_S = 2.0
"""Between two tries to listen where somebody else does."""

_HINT = b"expokeepd: /metrics /healthz /readyz\n"


@contextlib.contextmanager
def monitoring(parts: Parts, control_lives: Callable[[], bool]) -> Iterator[None]:
    """Let others look, and say elsewhere that all is well, if that is wanted."""
    judge, figures = Judge(parts, control_lives), AllHosts(parts)
    heartbeat = Heartbeat(parts, judge)
    unsubscribe = parts.events.subscribe(figures.heard)
    with contextlib.ExitStack() as stack:
        stack.callback(unsubscribe)
        stack.enter_context(Repeating("figures", FIGURES_LOOK_EVERY_S, figures.act))
        stack.enter_context(Repeating("heartbeat", LOOK_EVERY_S, heartbeat.act))
        if parts.settings.addr:
            desk = Desk(parts, _answers(parts, judge, figures, heartbeat))
            desk.open()  # before anybody is told that we are ready
            stack.callback(desk.close)
            stack.enter_context(Repeating("address", TRY_EVERY_S, desk.open))
        yield


@dataclass(slots=True)
class Desk:
    """Listens at `addr`, as soon as that is possible."""

    parts: Parts
    answers: Mapping[str, Answer]
    _opened: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _is_open: bool = False

    def open(self) -> None:
        """Try to listen, unless it does."""
        if self._is_open:
            return
        host, port = host_and_port(self.parts.settings.addr)
        try:
            pages = self._opened.enter_context(Pages((host, port), self.answers))
        except AddressUnusable as error:
            if self.parts.page_error is None:
                log.error("nobody can look at this daemon", reason=str(error))  # noqa: TRY400 - the reason says it all
            self.parts.page_error = error
            return
        self._is_open, self.parts.page_error = True, None
        log.info("metrics served", host=host, port=pages.port)

    def close(self) -> None:
        """Listen no longer."""
        self._opened.close()


def _answers(
    parts: Parts, judge: Judge, figures: AllHosts, heartbeat: Heartbeat
) -> Mapping[str, Answer]:
    def is_well(_parts: Parts) -> Iterator[Sample]:
        yield Sample("healthy", judge.health().is_well)
        yield Sample("ready", judge.readiness().is_well)

    readers = (is_well, *READERS, figures.samples, heartbeat.samples)

    def told() -> Iterator[Sample | Spread]:
        yield from read(parts, readers)
        yield from parts.counts.samples()

    exposition = Exposition(METRICS.values(), told)

    def metrics(accept: str) -> Page:
        media_type, body = exposition.rendered(accept)
        return Page(body, media_type)

    return {
        "/": lambda _: Page(_HINT),
        "/metrics": metrics,
        "/healthz": lambda accept: page(judge.health(), accept),
        "/readyz": lambda accept: page(judge.readiness(), accept),
    }
