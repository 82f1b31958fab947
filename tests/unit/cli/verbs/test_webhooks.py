"""`expokeep webhooks`, as a person calls it."""

import json

import pytest

from answering import NOON, answering
from expokeep.webhooks.documents import (
    WebhookDocument,
    WebhookList,
    WebhooksRevived,
    WebhooksTried,
    WebhookTried,
)

HOOK = WebhookDocument(
    webhook="0123456789abcdef",
    place="https://hooks.example",
    events=("version.created",),
    waiting=2,
    dead=1,
    oldest_at=NOON,
    error="it answered 503",
    is_ours=False,
)


@pytest.fixture
def daemon(monkeypatch):
    with answering() as here:
        monkeypatch.setenv("EXPOKEEP_SOCKET", str(here.socket))
        yield here


def test_a_list_says_who_does_not_take_what(run, daemon):
    daemon.answers["/v1/webhooks"] = WebhookList(webhooks=(HOOK,))

    shown = run("webhooks", "list")

    assert shown.code == 0
    for words in ("0123456789abcdef", "https://hooks.example", "another host's"):
        assert words in shown.out
    assert "it answered 503" in shown.out


def test_a_test_that_fails_is_told_by_the_exit_code(run, daemon):
    tried = WebhookTried(webhook="a", place="https://x", error="it answered 500")
    daemon.answers["/v1/webhooks/test"] = WebhooksTried(tried=(tried,))

    done = run("webhooks", "test", "a")

    assert done.code == 3
    assert "did not take it: it answered 500" in done.out
    assert json.loads(daemon.calls[-1].body) == {"webhook": "a", "dry_run": False}


def test_a_retry_says_how_much(run, daemon):
    daemon.answers["/v1/webhooks/retry"] = WebhooksRevived(revived=2)

    done = run("webhooks", "retry", "--dry-run")

    assert (done.code, done.out) == (0, "2 events would be tried again\n")
    assert json.loads(daemon.calls[-1].body) == {"webhook": None, "dry_run": True}
