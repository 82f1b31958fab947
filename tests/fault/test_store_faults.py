"""An S3 server that is slow, lies, breaks off, or says no; and what the store does."""

import contextlib
import hashlib
import socket
import time
from pathlib import Path
from statistics import median

import pytest

from expokeep.errors import (
    AccessDenied,
    BackendUnreachable,
    ExpokeepError,
    IntegrityError,
    NotFound,
)
from expokeep.model.digest import Digest
from expokeep.store.base import ObjectExists
from expokeep.store.retrying import Retrying, RetryPolicy
from expokeep.store.s3 import S3Settings, S3Store
from scripted_http import Request, Scripted, answer, head, refuse, serving

CONTENTS = bytes(range(256)) * 200
DIGEST = Digest(hashlib.sha256(CONTENTS).digest())


@contextlib.contextmanager
def store_of(server: Scripted, **settings: float):
    store = S3Store(
        S3Settings(server.url, "bucket", "an-id", "canary-secret", **settings)
    )
    with contextlib.closing(store):
        yield store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.pack"
    path.write_bytes(CONTENTS)
    return path


def ranges(request: Request) -> tuple[int, int]:
    first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
    return int(first), int(last) + 1


def part(request: Request) -> tuple[bytes, dict[str, object]]:
    """The bytes that a request asks for, and the headers of the answer."""
    first, end = ranges(request)
    body = CONTENTS[first:end]
    place = f"bytes {first}-{first + len(body) - 1}/{len(CONTENTS)}"
    return body, {"Content_Length": len(body), "Content_Range": place}


def describe(peer: socket.socket, digest: bytes, size_bytes: int) -> None:
    peer.sendall(head(200, Content_Length=size_bytes, x_amz_meta_sha256=digest.hex()))


def test_a_put_does_not_wait_for_permission_to_continue(path):
    with (
        serving(lambda _, peer: answer(peer, 200)) as server,
        store_of(server) as store,
    ):
        store.put_file("key", path, sha256=DIGEST)

    assert "expect" not in server.requests[0].headers
    assert server.requests[0].body == CONTENTS


def test_a_put_does_not_wait_for_a_delayed_acknowledgement(path):
    took_s = []
    with (
        serving(lambda _, peer: answer(peer, 200)) as server,
        store_of(server) as store,
    ):
        for number in range(9):
            began_s = time.monotonic()
            store.put_file(f"key-{number}", path, sha256=DIGEST)
            took_s.append(time.monotonic() - began_s)

    assert median(took_s) < 0.035


def test_a_put_states_what_it_sends(path):
    with (
        serving(lambda _, peer: answer(peer, 200)) as server,
        store_of(server) as store,
    ):
        store.put_file("v1/a/b.tar.zst", path, sha256=DIGEST)

    (put,) = server.requests
    assert (put.method, put.path) == ("PUT", "/bucket/v1/a/b.tar.zst")
    assert put.headers["if-none-match"] == "*"
    assert put.headers["x-amz-meta-sha256"] == DIGEST.hex()
    assert put.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "x-amz-checksum-sha256" in put.headers["authorization"]
    assert "x-amz-trailer" not in put.headers


def test_one_connection_serves_many_requests(path):
    def script(request: Request, peer: socket.socket) -> None:
        if request.method == "PUT":
            answer(peer, 200)
        else:
            body, headers = part(request)
            answer(peer, 206, body, **headers)

    with serving(script) as server, store_of(server) as store:
        for number in range(5):
            store.put_file(f"key-{number}", path, sha256=DIGEST)
            store.get(f"key-{number}", number, 1000)

    assert server.connections == 1


@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_that_breaks_off_is_resumed_where_it_broke(reset):
    def script(request: Request, peer: socket.socket) -> None:
        body, headers = part(request)
        if len(server.requests) > 1:
            answer(peer, 206, body, **headers)
            return
        peer.sendall(head(206, **headers) + body[:1000])
        if reset:
            # A linger of zero seconds makes `close` send a reset.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()

    # Resuming is no repetition of a request that failed: it works without those.
    with serving(script) as server, store_of(server, attempts=1) as store:
        found = store.get("key", 100, 40_000)

    assert found == CONTENTS[100:40_100]
    resumed_at = ranges(server.requests[1])[0]
    assert resumed_at == (100 if reset else 1100)
    assert len(server.requests) == 2


def test_an_answer_that_always_breaks_off_is_given_up():
    def script(request: Request, peer: socket.socket) -> None:
        body, headers = part(request)
        peer.sendall(head(206, **headers) + body[:10])
        peer.close()

    with (
        serving(script) as server,
        store_of(server, resumes=2) as store,
        pytest.raises(BackendUnreachable),
    ):
        store.get("key", 0, 1000)

    assert len(server.requests) == 3


def test_a_server_that_ignores_the_range_is_not_believed():
    def script(_: Request, peer: socket.socket) -> None:
        answer(peer, 200, CONTENTS[:1000])

    with (
        serving(script) as server,
        store_of(server) as store,
        pytest.raises(IntegrityError),
    ):
        store.get("key", 100, 1000)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_recovers_is_asked_again(path, status):
    def script(_: Request, peer: socket.socket) -> None:
        if len(server.requests) <= 2:
            refuse(peer, status, "InternalError")
        else:
            answer(peer, 200)

    told: list[int] = []
    with serving(script) as server, store_of(server) as store:
        store.put_file("key", path, sha256=DIGEST, progress=told.append)

    assert [request.body for request in server.requests] == [CONTENTS] * 3
    assert store.usage().requests == {"PutObject": 3}
    assert sum(told) == len(CONTENTS)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ClientDisconnect"),
        (400, "IncompleteBody"),
        (409, "ConditionalRequestConflict"),
        (429, "TooManyRequests"),
        (503, "ServiceUnavailable"),
    ],
)
def test_what_passes_is_asked_again_by_the_wrapper(path, status, code):
    def script(_: Request, peer: socket.socket) -> None:
        if len(server.requests) <= 2:
            refuse(peer, status, code)
        else:
            answer(peer, 200)

    delays_s: list[float] = []
    with serving(script) as server, store_of(server, attempts=1) as store:
        Retrying(
            store, RetryPolicy(), wait=lambda s: bool(delays_s.append(s)), chance=float
        ).put_file("key", path, sha256=DIGEST)

    assert delays_s == [0.5, 1.0]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "AccessDenied", AccessDenied),
        (403, "SignatureDoesNotMatch", AccessDenied),
        (403, "RequestTimeTooSkewed", AccessDenied),
        (401, "Unauthorized", AccessDenied),
        (404, "NoSuchBucket", NotFound),
        (400, "EntityTooLarge", ExpokeepError),
    ],
)
def test_what_stays_is_said_once(path, status, code, error):
    with (
        serving(lambda _, peer: refuse(peer, status, code)) as server,
        store_of(server) as store,
        pytest.raises(error, match=code) as raised,
    ):
        store.put_file("key", path, sha256=DIGEST)

    assert len(server.requests) == 1
    assert not raised.value.transient
    assert "canary-secret" not in repr(raised.value)


def test_a_put_whose_answer_was_lost_is_a_success(path):
    def script(request: Request, peer: socket.socket) -> None:
        if len(server.requests) == 1:
            peer.close()
        elif request.method == "PUT":
            refuse(peer, 412, "PreconditionFailed")
        else:
            describe(peer, DIGEST, len(CONTENTS))

    with serving(script) as server, store_of(server) as store:
        store.put_file("key", path, sha256=DIGEST)

    assert [request.method for request in server.requests] == ["PUT", "PUT", "HEAD"]


@pytest.mark.parametrize(
    ("digest", "size_bytes"), [(bytes(32), len(CONTENTS)), (DIGEST, 1)]
)
def test_a_key_that_holds_something_else_is_reported(path, digest, size_bytes):
    def script(request: Request, peer: socket.socket) -> None:
        if request.method == "PUT":
            refuse(peer, 412, "PreconditionFailed")
        else:
            describe(peer, digest, size_bytes)

    with (
        serving(script) as server,
        store_of(server) as store,
        pytest.raises(ObjectExists),
    ):
        store.put_file("key", path, sha256=DIGEST)


def test_a_body_that_arrives_damaged_is_worth_another_attempt(path):
    with (
        serving(lambda _, peer: refuse(peer, 400, "BadDigest")) as server,
        store_of(server) as store,
        pytest.raises(BackendUnreachable),
    ):
        store.put_file("key", path, sha256=DIGEST)


def test_a_file_that_rotted_is_not(path):
    path.write_bytes(CONTENTS[:-1] + b"?")

    with (
        serving(lambda _, peer: refuse(peer, 400, "BadDigest")) as server,
        store_of(server) as store,
        pytest.raises(IntegrityError),
    ):
        store.put_file("key", path, sha256=DIGEST)


def drip(server: Scripted, peer: socket.socket, text: bytes) -> None:
    """Send a byte at a time, always in time for a read timeout, until the end."""
    with contextlib.suppress(OSError):
        for number in range(len(text)):
            peer.sendall(text[number : number + 1])
            if server.stopping.wait(0.02):
                return


def assert_ended_after(began_s: float, deadline_s: float) -> None:
    # Generous above: what matters is that it ended at all.
    assert deadline_s <= time.monotonic() - began_s < deadline_s + 5


@pytest.mark.parametrize("all_of_it", [False, True])
def test_a_trickle_is_ended(all_of_it):
    def script(request: Request, peer: socket.socket) -> None:
        body, headers = part(request)
        first = head(206, **headers)
        if not all_of_it:
            peer.sendall(first)
            first = b""
        drip(server, peer, first + body)

    with serving(script) as server, store_of(server, deadline_s=0.3) as store:
        began_s = time.monotonic()
        with pytest.raises(BackendUnreachable):
            store.get("key", 0, len(CONTENTS))
        assert_ended_after(began_s, 0.3)

    assert len(server.requests) == 1


def test_a_server_that_takes_no_bytes_is_ended(tmp_path):
    path = tmp_path / "big.pack"
    path.write_bytes(bytes(30_000_000))
    deaf = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
    # What a connection may take is no measure for what a slow line needs to send.
    limits = {"connect_timeout_s": 0.05, "attempts": 1, "deadline_s": 0.3}
    store = S3Store(S3Settings(url, "bucket", "an-id", "a-secret", **limits))

    with deaf, contextlib.closing(store):
        began_s = time.monotonic()
        with pytest.raises(BackendUnreachable):
            store.put_file("key", path, sha256=DIGEST)
        assert_ended_after(began_s, 0.3)


def test_a_server_that_never_answers_is_asked_again_and_then_ended(path):
    def script(_: Request, peer: socket.socket) -> None:
        server.stopping.wait(10)

    limits = {"read_timeout_s": 0.05, "deadline_s": 5.0, "attempts": 2}
    with (
        serving(script) as server,
        store_of(server, **limits) as store,
        pytest.raises(BackendUnreachable),
    ):
        store.put_file("key", path, sha256=DIGEST)

    assert len(server.requests) == 2


def test_nobody_there_is_unreachable(path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    store = S3Store(S3Settings(url, "bucket", "an-id", "a-secret", attempts=2))

    with contextlib.closing(store), pytest.raises(BackendUnreachable):
        store.check()


def test_what_could_not_be_deleted_is_told_with_its_reason():
    text = (
        b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code>"
        b"<Message>locked</Message></Error><Error><Key>b</Key><Code>NoSuchKey</Code>"
        b"</Error></DeleteResult>"
    )
    with (
        serving(lambda _, peer: answer(peer, 200, text)) as server,
        store_of(server) as store,
    ):
        assert store.delete(["a", "b", "c"]) == {"a": "AccessDenied locked"}
