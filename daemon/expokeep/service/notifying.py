"""Delivers what webhooks are to be told: what the outbox in Postgres holds.

One at a time per webhook, so that a slow one holds up nobody else. Another daemon with
the same settings may deliver as well; whoever claims a row has it.
"""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import expokeep
from expokeep import clock, wiring
from expokeep.catalog.outbox import Delivery, Endpoint, Outbox
from expokeep.errors import ExpokeepError
from expokeep.log import get
from expokeep.model.event import Event
from expokeep.service.exporting import wanted_of
from expokeep.service.parts import Parts
from expokeep.service.turnstile import Turnstile
from expokeep.service.workers import Repeating, Workers
from expokeep.settings.webhooks import Webhook
from expokeep.watch.settle import Settler
from expokeep.webhooks import places, plan, signing
from expokeep.webhooks.documents import sent
from expokeep.webhooks.sending import send

log = get(__name__)

LOOK_EVERY_S = 30.0
"""For what other hosts wrote, and for what a daemon that died had claimed."""
AGAIN_AFTER_S = 30.0
SENDERS = 4
PLAN_S = 3600.0


@contextlib.contextmanager
def notifying(parts: Parts) -> Iterator[None]:
    """Deliver, if there is anybody to tell."""
    outbox = wiring.outbox(parts.engine)
    if outbox is None:
        yield
        return
    notifier = Notifier(parts, outbox, Turnstile(Settler(0.0, 0.0), lambda one: one))
    if not notifier.ours:
        with contextlib.suppress(ExpokeepError):
            outbox.register(())  # what an earlier configuration named, ends
        yield
        return
    unsubscribe = parts.events.subscribe(notifier.heard)
    count = min(SENDERS, len(notifier.ours))
    workers = Workers("webhook", count, notifier.turnstile, notifier.handle)
    with workers, Repeating("webhooks", LOOK_EVERY_S, notifier.look):
        try:
            yield
        finally:
            unsubscribe()


def named(webhooks: tuple[Webhook, ...]) -> dict[str, Webhook]:
    """Return webhooks by what they are called where their URL must not be told."""
    return {places.identity(one.url): one for one in webhooks if one.url is not None}


@dataclass(slots=True)
class Notifier:
    """Tells webhooks. Safe from any thread."""

    parts: Parts
    outbox: Outbox
    turnstile: Turnstile[str, str]
    ours: dict[str, Webhook] = field(init=False)
    _is_known: bool = False

    def __post_init__(self) -> None:
        self.ours = named(self.parts.settings.webhooks)

    def heard(self, event: Event) -> None:
        """Look soon: what an event tells of is in the outbox, too."""
        del event
        for webhook in self.ours:
            self.turnstile.schedule(webhook)

    def look(self) -> None:
        """Say who is to be told, and look at what waits."""
        try:
            if not self._is_known:
                self.outbox.register([_endpoint(*one) for one in self.ours.items()])
                self._is_known = True
                log.info("webhooks registered", count=len(self.ours))
            self.outbox.prune()
        except ExpokeepError as error:
            log.debug("webhooks put off", error=str(error))
            return
        for webhook in self.ours:
            self.turnstile.schedule(webhook)

    def handle(self, webhook: str) -> None:
        """Send what is due to one webhook."""
        try:
            for delivery in self.outbox.claim(webhook):
                self._deliver(webhook, delivery)
            due_in_s = self.outbox.due_in_s(webhook)
        except ExpokeepError as error:
            log.debug("webhook put off", error=str(error))
            due_in_s = AGAIN_AFTER_S
        if due_in_s is not None:
            self.turnstile.schedule(webhook, max(0.0, due_in_s))

    def _deliver(self, webhook: str, delivery: Delivery) -> None:
        hook = self.ours[webhook]
        details = dict(delivery.body)
        if hook.with_plan and delivery.kind == "version.created":
            details["plan"] = self._plan(delivery)
        body = sent(
            delivery.event, delivery.kind, delivery.at, delivery.session, details
        )
        try:
            post(hook, str(delivery.event), delivery.kind, body)
        except ExpokeepError as error:
            self._failed(hook, delivery, error)
        else:
            self.outbox.delivered(delivery)
            self.parts.counts.add("webhook_deliveries_total", "delivered")
            log.debug("webhook told", place=places.place(str(hook.url)))

    def _failed(self, hook: Webhook, delivery: Delivery, error: ExpokeepError) -> None:
        again_in_s = plan.again_in_s(
            delivery.tries,
            delivery.age_s,
            random.random(),  # noqa: S311 - a pause
        )
        is_dead = again_in_s is None
        outcome = "given_up" if is_dead else "failed"
        self.parts.counts.add("webhook_deliveries_total", outcome)
        say = log.error if is_dead else log.warning
        say(
            "webhook given up" if is_dead else "webhook not told",
            place=places.place(str(hook.url)),
            kind=delivery.kind,
            tries=delivery.tries,
            error=str(error),
        )
        self.outbox.failed(delivery, str(error), again_in_s or 0.0, is_dead=is_dead)

    def _plan(self, delivery: Delivery) -> dict[str, Any] | None:
        """Return a link to an archive of a version, without what looks like secrets."""
        engine = self.parts.engine
        try:
            exporting = wiring.exporting_of(
                engine.settings, engine.backends, engine.fetcher, engine.host
            )
            offer = exporting.source.offer(f"{delivery.session}@{delivery.body['seq']}")
            patterns = self.parts.settings.exclude_secrets
            wanted = wanted_of(offer, exporting.source, "tar.gz", patterns)
            lent = exporting.exporter.lend(wanted, PLAN_S)
        except ExpokeepError as error:
            log.warning("webhook goes without a plan", error=str(error))
            return None
        return {
            "url": lent.url,
            "expires_at": lent.expires_at.isoformat(),
            "format": "tar.gz",
            "size_bytes": lent.packed.size_bytes,
            "sha256": lent.packed.sha256.hex(),
        }


def post(hook: Webhook, event: str, kind: str, body: bytes) -> None:
    """Send one request, signed.

    Raises:
        Unreached, Forbidden: nobody took it.
    """
    at_s = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"expokeep/{expokeep.__version__}",
        "Expokeep-Event": kind,
        "Expokeep-Id": event,
        signing.HEADER: signing.signature(hook.secret or "", at_s, body),
    }
    send(str(hook.url), body, headers, allow_private=hook.allow_private)


def _endpoint(webhook: str, hook: Webhook) -> Endpoint:
    return Endpoint(webhook, places.place(str(hook.url)), hook.events)
