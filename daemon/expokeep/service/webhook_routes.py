"""The verbs of the control socket about webhooks. All are for operators."""

import uuid
from dataclasses import dataclass

import msgspec

from expokeep import clock, wiring
from expokeep.catalog.outbox import Outbox
from expokeep.control.routes import Call, Document, Handler, Reply
from expokeep.errors import ConfigError, ExpokeepError, NotFound
from expokeep.service import bodies
from expokeep.service.notifying import named, post
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights
from expokeep.settings.webhooks import Webhook
from expokeep.webhooks import documents, places

TEST = "webhook.test"


class Wish(msgspec.Struct):
    """Which webhook a request is about; None for all."""

    webhook: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class WebhookRoutes:
    """Tells of webhooks, and tries them."""

    parts: Parts
    rights: Rights

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("GET", "/v1/webhooks", self.webhooks),
            ("POST", "/v1/webhooks/test", self.test),
            ("POST", "/v1/webhooks/retry", self.retry),
        )

    def webhooks(self, call: Call) -> Reply:
        """Tell how they stand."""
        self.rights.require_operator(call.peer)
        ours = named(self.parts.settings.webhooks)
        found = documents.WebhookList(
            webhooks=tuple(
                documents.WebhookDocument(
                    webhook=one.id,
                    place=one.place,
                    events=tuple(one.kinds),
                    waiting=one.waiting,
                    dead=one.dead,
                    oldest_at=one.oldest_at,
                    error=one.error,
                    is_ours=one.id in ours,
                )
                for one in self._outbox().standing()
            )
        )
        return Document(msgspec.json.encode(found))

    def test(self, call: Call) -> Reply:
        """Send a request to each, or to one, now; tell what came of it."""
        self.rights.require_operator(call.peer)
        wish = bodies.body(call, Wish)
        ours = named(self.parts.settings.webhooks)
        chosen = {
            name: hook for name, hook in ours.items() if wish.webhook in (None, name)
        }
        if not chosen:
            raise _no_webhook(wish.webhook)
        tried = tuple(
            documents.WebhookTried(
                webhook=name,
                place=places.place(str(hook.url)),
                error=None if wish.dry_run else _tried(hook),
            )
            for name, hook in chosen.items()
        )
        return Document(msgspec.json.encode(documents.WebhooksTried(tried=tried)))

    def retry(self, call: Call) -> Reply:
        """Try again what was given up."""
        self.rights.require_operator(call.peer)
        wish, outbox = bodies.body(call, Wish), self._outbox()
        found = [one for one in outbox.standing() if wish.webhook in (None, one.id)]
        if wish.webhook is not None and not found:
            raise _no_webhook(wish.webhook)
        dead = sum(one.dead for one in found)
        revived = dead if wish.dry_run else outbox.revive(wish.webhook)
        self.parts.events.publish("webhooks.retried", None, revived=revived)
        document = documents.WebhooksRevived(revived=revived)
        return Document(msgspec.json.encode(document))

    def _outbox(self) -> Outbox:
        outbox = wiring.outbox(self.parts.engine)
        if outbox is None:
            raise ConfigError(
                "the catalog is not configured: set DATABASE_URL or database.url"
            )
        return outbox


def given_up(parts: Parts) -> int:
    """Return how much nobody took, as far as anybody can tell."""
    outbox = wiring.outbox(parts.engine)
    has_any = any(one.url for one in parts.settings.webhooks)
    if outbox is None or not has_any or parts.catalog_error is not None:
        return 0
    try:
        return sum(one.dead for one in outbox.standing())
    except ExpokeepError:
        return 0


def _tried(hook: Webhook) -> str | None:
    event = uuid.uuid4()
    body = documents.sent(event, TEST, clock.now(), None, {})
    try:
        post(hook, str(event), TEST, body)
    except ExpokeepError as error:
        return str(error)
    return None


def _no_webhook(name: str | None) -> NotFound:
    error = NotFound(f"no webhook {name}" if name else "no webhook is configured")
    error.hint = "`expokeep webhooks list` names them; they are made in the settings."
    return error
