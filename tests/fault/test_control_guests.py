"""Guests who mean no good, on a real control socket: every local user can be one."""

import contextlib
import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expokeep.control.routes import Bytes, Document, Lines, Route
from expokeep.errors import Busy, UsageError
from serving import PATIENCE_S, received, serving

OK = Document(b'{"fine":true}')
POST = b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


def fine(call):
    return OK


@pytest.fixture(scope="module")
def served():
    def stream(call):
        return Bytes(bytes(100_000) for _ in range(3))

    def lines(call):
        return Lines(b'{"n":1}' for _ in range(3))

    with serving(
        Route("GET", "/v1/x", fine),
        Route("POST", "/v1/x", fine),
        Route("GET", "/v1/stream", stream),
        Route("GET", "/v1/{name}/lines", lines),
    ) as served:
        yield served


def exit_code(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["exit_code"]


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET /v1/x HT", POST, POST + b"abc"],
    ids=["nothing", "half a line", "no body", "half a body"],
)
def test_a_request_that_does_not_end_is_cut(beginning):
    with (
        serving(Route("POST", "/v1/x", fine), request_s=0.2) as served,
        served.connected() as connection,
    ):
        connection.sendall(beginning)
        answer = received(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert exit_code(answer) == 124


def test_a_request_that_trickles_in_is_cut_all_the_same():
    with (
        serving(Route("POST", "/v1/x", fine), request_s=0.3) as served,
        served.connected() as connection,
    ):
        connection.sendall(POST)
        connection.settimeout(0.02)
        answer = b""
        for _ in range(500):
            with contextlib.suppress(OSError):
                connection.sendall(b".")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(1 << 16)
                break

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_asks_nothing_more_is_closed():
    with (
        serving(Route("GET", "/v1/x", fine), idle_s=0) as served,
        served.connected() as connection,
    ):
        connection.sendall(b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")

        assert received(connection).endswith(OK.json)


def test_the_second_request_of_a_connection_has_a_deadline_too():
    with (
        serving(Route("GET", "/v1/x", fine), request_s=0.2) as served,
        served.connected() as connection,
    ):
        connection.sendall(b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")
        while not connection.recv(1 << 16).endswith(OK.json):
            pass
        connection.sendall(b"GET /v1/x HT")

        assert received(connection).startswith(b"HTTP/1.1 408 ")


def test_one_connection_too_many_is_told_so():
    with (
        serving(Route("GET", "/v1/x", fine), connections=3) as served,
        contextlib.ExitStack() as others,
    ):
        first = [others.enter_context(served.connected()) for _ in range(3)]
        with pytest.raises(Busy, match="3 callers"):
            served.client.get("/v1/x")

        first[0].sendall(b"GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert received(first[0]).endswith(OK.json)
        assert served.client.get("/v1/x") == OK.json


def test_a_caller_who_left_keeps_the_seat_until_the_work_is_over():
    begun, go_on = threading.Semaphore(0), threading.Event()

    def objects():
        yield b"{}"
        begun.release()
        go_on.wait(PATIENCE_S)
        yield b"{}"

    routes = (
        Route("GET", "/v1/slow", lambda _: Lines(objects())),
        Route("GET", "/v1/x", fine),
    )
    with serving(*routes, connections=2) as served:
        for _ in range(2):
            answer = served.client.lines("GET", "/v1/slow")
            next(answer)
            assert begun.acquire(timeout=PATIENCE_S)
            answer.close()
        with pytest.raises(Busy):
            served.client.get("/v1/x")
        go_on.set()


def test_all_bodies_together_have_a_limit():
    with serving(Route("POST", "/v1/x", fine), held_bytes=1000) as served:
        with pytest.raises(Busy, match="too much"):
            served.client.post("/v1/x", {"text": "x" * 2000})

        assert served.client.post("/v1/x", {"text": "x"}) == OK.json


def test_a_head_without_end_is_refused(served):
    with served.connected() as connection:
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(b"GET /v1/x HTTP/1.1\r\nHost: x\r\nX: ")
            connection.sendall(b"x" * 1_000_000)
        answer = received(connection)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert exit_code(answer) == UsageError.exit_code


HOST = b"HTTP/1.1\r\nHost: x\r\n"
REQUESTS = [
    b"GET /v1/x " + HOST + b"\r\n",
    b"GET /v1/stream " + HOST + b"\r\n",
    b"GET /v1/a%2fb/lines " + HOST + b"\r\n",
    b"GET /v1/%2e%ff/lines?a&=b%zz;;== HTTP/1.0\r\n\r\n",
    b"HEAD http://x/v1/x " + HOST + b"\r\n",
    b"CONNECT x:1 " + HOST + b"\r\n",
    b"OPTIONS * " + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"POST /v1/x " + HOST + b"Content-Length: 3\r\n\r\nabc",
    b"POST /v1/x " + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc",
    b"POST /v1/x " + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    b"POST /v1/x " + HOST + b"Content-Length: 99999999999999999999\r\n\r\n",
    b"POST /v1/x " + HOST + b"Content-Length: -1\r\nContent-Length: 2\r\n\r\n",
]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    parts=st.lists(
        st.sampled_from(REQUESTS) | st.binary(max_size=40), min_size=1, max_size=5
    ),
    reads=st.booleans(),
)
def test_nothing_that_is_sent_stops_the_server(served, caplog, parts, reads):
    with (
        served.connected() as connection,
        contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError),
    ):
        connection.settimeout(0.02)
        for part in parts:
            connection.sendall(part)
        if reads:
            connection.recv(1 << 16)

    assert served.client.get("/v1/x") == OK.json
    assert not caplog.records
