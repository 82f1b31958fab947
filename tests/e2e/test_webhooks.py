"""Whoever wants to hear of it hears of it, signed, and at least once."""

import hashlib
import hmac
import http.server
import io
import json
import tarfile
import threading
import urllib.request
from dataclasses import dataclass, field

import psycopg
import pytest

from daemons import QUICK, appear, daemon_on, until, write

SECRET = "canary-of-a-webhook"
PATH = "/a-path-that-is-a-secret"


@dataclass
class Receiver:
    """Hears requests, and answers what a test says."""

    heard: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    url: str = ""

    def of(self, kind, sid):
        return [
            body
            for headers, raw in list(self.heard)
            if (body := json.loads(raw))["kind"] == kind and body["session"] == sid
        ]


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.heard.append((dict(self.headers), body))
            status = receiver.answers.pop(0) if receiver.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{receiver.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}{PATH}"
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def daemon(site, receiver):
    settings = f"""{QUICK}
webhooks:
  - url: {receiver.url}
    secret: {SECRET}
"""
    with daemon_on(site, settings=settings) as daemon:
        daemon.start()
        until(lambda: "webhooks registered" in daemon.log, "the webhook is registered")
        yield daemon
        assert daemon.stop() == 0, daemon.story
        assert SECRET not in daemon.log
        assert PATH not in daemon.log


def rows(daemon, query, *words):
    with psycopg.connect(daemon.site.database_url) as connection:
        connection.execute("SET search_path = expokeep")
        return connection.execute(query, words).fetchall()


def due_now(daemon):
    with psycopg.connect(daemon.site.database_url) as connection:
        connection.execute("UPDATE expokeep.delivery SET next_at = now()")


def a_version(daemon):
    sid, top = daemon.site.session()
    appear(top, {"App.js": "one"})
    daemon.await_versions(sid, 1)
    return sid, top


def test_a_version_is_told_of_and_signed(daemon, receiver):
    sid, _ = a_version(daemon)

    (body,) = until(lambda: receiver.of("version.created", sid), "the request")

    headers, raw = next(one for one in receiver.heard if json.loads(one[1]) == body)
    at, code = headers["Expokeep-Signature"].removeprefix("t=").split(",v1=")
    signed = hmac.new(SECRET.encode(), f"{at}.".encode() + raw, hashlib.sha256)
    assert hmac.compare_digest(signed.hexdigest(), code)
    assert headers["Expokeep-Id"] == body["id"]
    assert headers["Expokeep-Event"] == "version.created"
    assert (body["seq"], body["file_count"], body["parked"]) == (1, 1, None)


def test_a_share_and_a_deletion_are_told_of_and_never_a_token(daemon, receiver):
    sid, _ = a_version(daemon)
    shared = daemon.ask("share", "create", sid)
    daemon.ask("share", "import", shared["token"])
    daemon.ask("share", "revoke", shared["share"]["share"], "--yes")
    daemon.ask("delete", sid, "--yes")

    for kind in ("share.created", "share.imported", "share.revoked", "session.deleted"):
        until(lambda kind=kind: receiver.of(kind, sid), kind)

    assert shared["token"] not in str(receiver.heard)
    assert receiver.of("share.imported", sid)[0]["share"] == shared["share"]["share"]


def test_what_nobody_takes_is_sent_again_with_the_same_id(daemon, receiver):
    receiver.answers += [500, 302]
    sid, _ = a_version(daemon)
    for tries in (1, 2):
        until(
            lambda tries=tries: len(receiver.of("version.created", sid)) >= tries,
            "a request",
        )
        until(lambda: "webhook not told" in daemon.log, "it is noted")
        due_now(daemon)
        write(daemon.site.session()[1], {"any": "event wakes the sender"})

    told = until(
        lambda: (
            found if len(found := receiver.of("version.created", sid)) == 3 else None
        ),
        "the third request",
    )

    assert len({one["id"] for one in told}) == 1
    assert not any("elsewhere" in str(headers) for headers, _ in receiver.heard)
    until(lambda: not rows(daemon, "SELECT FROM delivery WHERE sid = %s", sid), "taken")


def test_what_is_given_up_is_shown_and_can_be_tried_again(daemon, receiver):
    receiver.answers += [503]
    sid, _ = a_version(daemon)
    until(lambda: receiver.of("version.created", sid), "the request")
    until(
        lambda: rows(daemon, "SELECT FROM delivery WHERE sid=%s AND error <> ''", sid),
        "it was refused",
    )
    with psycopg.connect(daemon.site.database_url) as connection:
        connection.execute(
            "UPDATE expokeep.delivery SET is_dead = true WHERE sid = %s", [sid]
        )

    listed = daemon.ask("webhooks", "list")["webhooks"]
    checks = daemon.cli("doctor").stdout
    status = daemon.cli("status").stdout
    revived = daemon.ask("webhooks", "retry")

    assert [(one["dead"], one["error"], one["is_ours"]) for one in listed] == [
        (1, "it answered 503", True)
    ]
    assert "1 events were given up" in checks
    assert "1 event given up" in status
    assert revived["revived"] == 1
    until(lambda: len(receiver.of("version.created", sid)) == 2, "the second request")
    assert PATH not in json.dumps(listed)


def test_a_webhook_can_be_tried(daemon, receiver):
    receiver.answers += [500]

    refused = daemon.cli("webhooks", "test")
    taken = daemon.cli("webhooks", "test")

    assert (refused.returncode, taken.returncode) == (3, 0)
    assert "it answered 500" in refused.stdout
    assert json.loads(receiver.heard[-1][1])["kind"] == "webhook.test"


@pytest.mark.long
def test_what_happened_while_nobody_delivered_is_told_after_the_start(
    prepare_site, receiver
):
    with prepare_site() as site:
        settings = f"{QUICK}webhooks: [{{url: {receiver.url}, secret: {SECRET}}}]\n"
        with daemon_on(site, settings=settings) as one:
            one.start(crash="after-commit:1", ready=True)
            until(lambda: "webhooks registered" in one.log, "registered")
            sid, top = site.session()
            appear(top, {"App.js": "one"})
            one.wait()
            one.start()

            until(lambda: receiver.of("version.created", sid), "the request")
            assert one.stop() == 0


@pytest.mark.long
def test_a_version_comes_with_a_link_that_opens_it_and_nothing_else(
    prepare_site, receiver, tmp_path
):
    with prepare_site() as site:
        settings = (
            f"{QUICK}webhooks: [{{url: '{receiver.url}?x=1', secret: {SECRET},"
            " events: [version.created], with-plan: true}]\n"
        )
        with daemon_on(site, settings=settings) as one:
            one.start()
            until(lambda: "webhooks registered" in one.log, "registered")
            sid, top = site.session()
            appear(top, {"App.js": "one", ".env": "KEY=canary-of-a-key"})

            until(lambda: receiver.of("version.created", sid), "the request")
            assert one.stop() == 0

            (body,) = receiver.of("version.created", sid)
            with urllib.request.urlopen(body["plan"]["url"]) as answer:
                archive = answer.read()

    assert hashlib.sha256(archive).hexdigest() == body["plan"]["sha256"]
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert [one.name for one in tar if one.isfile()] == [f"{sid}/App.js"]
