"""The control socket as its users see it: our client, and curl."""

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

from expokeep.control.client import Client, segment
from expokeep.control.routes import Document, Route
from expokeep.control.server import ControlSocket
from expokeep.errors import (
    Busy,
    DaemonUnreachable,
    ExpokeepError,
    NotFound,
    TimedOut,
    UsageError,
)
from serving import PATIENCE_S, serving

NOBODY = 65534


def echo(call):
    seen = {
        "uid": call.peer.uid,
        "user": call.peer.user,
        "groups": sorted(call.peer.groups),
        "path": dict(call.path),
        "query": {name: list(values) for name, values in call.query.items()},
        "body": call.body.decode(),
    }
    return Document(json.dumps(seen).encode())


def raising(error):
    def handler(call):
        raise error

    return handler


ECHO = (
    Route("GET", "/v1/echo", echo),
    Route("POST", "/v1/echo", echo),
    Route("GET", "/v1/versions/{ref}", echo),
    Route("GET", "/v1/versions/{ref}/tree", echo),
)


@pytest.fixture(scope="module")
def served():
    with serving(*ECHO) as served:
        yield served


def curl(served, path, *options, **how):
    return subprocess.run(
        ["curl", "-sS", "--unix-socket", served.path, *options, f"http://x{path}"],
        check=False,
        capture_output=True,
        timeout=PATIENCE_S,
        **how,
    )


def test_a_document_comes_as_it_is(served):
    seen = json.loads(served.client.post("/v1/echo", {"text": "é\n"}))

    assert json.loads(seen["body"]) == {"text": "é\n"}


def test_a_client_may_ask_on_behalf_of_a_user(served):
    for user in ("ann@example.com", "Jörg % Grün", None):
        client = Client(served.path, PATIENCE_S, user=user)
        assert json.loads(client.get("/v1/echo"))["user"] == user


def test_two_names_are_none(served):
    twice = ("-H", "Expokeep-User: ann", "-H", "expokeep-user: bob")

    assert b'"exit_code": 2' in curl(served, "/v1/echo", *twice).stdout


def test_a_query_may_have_any_name_and_be_repeated(served):
    query = {"path": "a b&c=é", "session": ["x", "y"], "patch": True, "none": None}

    seen = json.loads(served.client.get("/v1/echo", **query))

    assert seen["query"] == {
        "path": ["a b&c=é"],
        "session": ["x", "y"],
        "patch": ["1"],
    }


@pytest.mark.parametrize(
    "ref",
    [
        "shop",
        "shop@17",
        "shop@-1",
        "shop@2026-11-24T10:00+01:00",
        "shop@label:a/b",
        "shop@label:50% é?#&=+;\\\"'",
        "..",
        "%2F",
        "\x00\n",
    ],
)
def test_a_version_can_be_called_anything(served, ref):
    seen = json.loads(served.client.get(f"/v1/versions/{segment(ref)}/tree"))

    assert seen["path"] == {"ref": ref}


@pytest.mark.parametrize("path", ["/v1/versions/%ff", "/v1/echo?a=%ff"])
def test_what_is_not_utf8_is_refused(served, path):
    with pytest.raises(UsageError, match="cannot be read"):
        served.client.get(path)


def test_curl_speaks_it(served):
    answer = curl(served, "/v1/versions/shop%4017", "-w", "%{http_code}")

    assert answer.stdout.endswith(b"200")
    assert b'{"ref": "shop@17"}' in answer.stdout


@pytest.mark.parametrize(
    "path", ["/", "/v1/nothing", "/v1/echo/", "/v1/versions//tree"]
)
def test_an_unknown_path_says_what_there_is(served, path):
    answer = json.loads(curl(served, path).stdout)

    assert "GET /v1/versions/{ref}/tree" in answer["hint"]
    # Never 10: an older daemon would make it look as if nothing were kept.
    assert answer["exit_code"] == 2
    assert curl(served, path, "-o/dev/null", "-w%{http_code}").stdout == b"404"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS"])
def test_a_wrong_method_is_405(served, method):
    options = ("-I",) if method == "HEAD" else ("-X", method, "-i")

    answer = curl(served, "/v1/versions/shop", *options).stdout

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"allow: GET" in answer


def test_an_error_is_raised_again_where_it_was_asked():
    error = NotFound("no session abc")
    error.hint = "ask for another"
    with (
        serving(Route("GET", "/v1/x", raising(error))) as served,
        pytest.raises(NotFound, match="no session abc") as caught,
    ):
        served.client.get("/v1/x")

    assert caught.value.hint == "ask for another"


def test_a_bug_is_logged_once_and_tells_nothing():
    with (
        serving(Route("GET", "/v1/x", raising(ValueError("inner")))) as served,
        structlog.testing.capture_logs() as logged,
    ):
        answer = curl(served, "/v1/x", "-w", "%{http_code}").stdout
        with pytest.raises(ExpokeepError) as caught:
            served.client.get("/v1/x")

    assert answer.endswith(b"500")
    assert b"inner" not in answer
    assert (type(caught.value), caught.value.exit_code) == (ExpokeepError, 1)
    assert [str(line["exc_info"]) for line in logged] == ["inner", "inner"]


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(served):
    big = {"text": "x" * (3 << 20)}

    with pytest.raises(UsageError, match="1048576 bytes"):
        served.client.post("/v1/echo", big)


@pytest.mark.parametrize("header", ["Expect:", "Transfer-Encoding: chunked"])
def test_a_body_that_is_too_large_is_413(served, header, tmp_path):
    (tmp_path / "body").write_bytes(bytes(3 << 20))

    answer = curl(
        served, "/v1/echo", "-i", "-H", header, "--data-binary", f"@{tmp_path}/body"
    )

    assert b"HTTP/1.1 413 " in answer.stdout


def test_the_peer_is_who_the_kernel_says(served):
    seen = json.loads(served.client.get("/v1/echo"))

    assert seen["uid"] == os.geteuid()
    assert set(seen["groups"]) == {os.getegid(), *os.getgroups()}


def test_another_user_is_known_with_all_groups(as_root, served):
    answer = curl(
        served, "/v1/echo", user=NOBODY, group=NOBODY, extra_groups=[4242, 4343]
    )

    seen = json.loads(answer.stdout)
    assert seen["uid"] == NOBODY
    assert seen["groups"] == [4242, 4343, NOBODY]


def test_a_missing_socket_is_named(tmp_path):
    client = Client(tmp_path / "none.sock")

    with pytest.raises(DaemonUnreachable, match=r"none\.sock") as caught:
        client.get("/v1/info")

    assert "--socket" in caught.value.hint


def test_a_request_that_takes_too_long_times_out():
    release = threading.Event()

    def slow(call):
        release.wait(PATIENCE_S)
        return Document(b"{}")

    with serving(Route("GET", "/v1/x", slow)) as served:
        with pytest.raises(TimedOut) as caught:
            Client(served.path, 0.1).get("/v1/x")
        release.set()

    assert caught.value.exit_code == 124


def test_sixty_four_callers_are_served_at_once():
    together = threading.Barrier(64)

    def meet(call):
        together.wait(PATIENCE_S)
        return Document(b"{}")

    with (
        serving(Route("GET", "/v1/x", meet)) as served,
        ThreadPoolExecutor(64) as callers,
    ):
        answers = list(callers.map(served.client.get, ["/v1/x"] * 64))

    assert answers == [b"{}"] * 64


def test_a_second_daemon_is_refused_and_the_first_goes_on(served):
    with pytest.raises(Busy, match="another expokeepd"):
        ControlSocket(served.path, 0o666, None, ECHO).__enter__()

    assert served.client.get("/v1/echo")


def test_a_connection_is_used_again(served):
    answer = curl(served, "/v1/echo", "http://x/v1/echo", "-w", "%{num_connects} ")

    assert answer.stdout.count(b"0 ") >= 1
