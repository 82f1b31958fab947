"""Answers that come bit by bit, on a real socket: whole, broken off, and abandoned."""

import contextlib
import os
import select
import socket
import threading

import pytest
import structlog

from expokeep.control.blobs import decoded, encoded
from expokeep.control.routes import Bytes, Document, Lines, Route
from expokeep.errors import (
    DaemonUnreachable,
    ExpokeepError,
    IntegrityError,
    NotFound,
)
from expokeep.model.digest import digest_of
from serving import PATIENCE_S, received, serving

ASK = b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"


def test_an_error_before_the_first_item_has_its_own_status():
    def lines(call):
        def objects():
            raise NotFound("nothing")
            yield b""

        return Lines(objects())

    with serving(Route("GET", "/v1/x", lines)) as served:
        with pytest.raises(NotFound):
            list(served.client.lines("GET", "/v1/x"))
        with served.connected() as connection:
            connection.sendall(ASK)
            assert connection.recv(13) == b"HTTP/1.1 404 "


def test_lines_come_one_by_one_while_the_work_goes_on():
    go_on = threading.Event()

    def lines(call):
        def objects():
            yield b'{"message_type":"progress"}'
            assert go_on.wait(PATIENCE_S)
            yield b'{"message_type":"saved"}'

        return Lines(objects())

    with serving(Route("POST", "/v1/x", lines)) as served:
        seen = []
        for line in served.client.lines("POST", "/v1/x", {}):
            seen.append(line["message_type"])
            go_on.set()

    assert seen == ["progress", "saved"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(IntegrityError("x"), IntegrityError), (KeyError(), ExpokeepError)],
)
def test_an_error_amid_lines_is_the_last_line(error, kind):
    def lines(call):
        def objects():
            yield b'{"message_type":"progress"}'
            raise error

        return Lines(objects())

    seen = []
    with serving(Route("GET", "/v1/x", lines)) as served, pytest.raises(kind) as caught:
        seen.extend(served.client.lines("GET", "/v1/x"))

    assert caught.value.exit_code == kind.exit_code


def test_an_error_amid_bytes_cuts_the_connection():
    def contents(call):
        def chunks():
            yield b"a" * 3_000_000
            raise IntegrityError("damaged")

        return Bytes(chunks())

    parts = []
    with (
        serving(Route("GET", "/v1/x", contents)) as served,
        structlog.testing.capture_logs() as logged,
    ):
        with pytest.raises(DaemonUnreachable, match="cut short"):
            parts.extend(served.client.stream("GET", "/v1/x"))
        with served.connected() as connection:
            connection.sendall(ASK)
            assert not received(connection).endswith(b"0\r\n\r\n")

    assert b"".join(parts) == b"a" * 3_000_000
    assert [line["error"] for line in logged] == ["damaged"] * 2


def test_blobs_of_any_size_travel():
    files = [b"", b"small", bytes(3_000_000), os.urandom(700_000)]

    def blobs(call):
        assert len(call.body) > 2_000_000
        return Bytes(encoded((digest_of(file), len(file), [file]) for file in files))

    with serving(Route("POST", "/v1/x", blobs, body_bytes=16 << 20)) as served:
        stream = served.client.stream("POST", "/v1/x", {"digests": ["0" * 64] * 40_000})
        seen = [(digest, b"".join(chunks)) for digest, _, chunks in decoded(stream)]

    assert seen == [(digest_of(file), file) for file in files]


class Watched:
    """An endless stream of 1 MiB chunks that says how it fares."""

    def __init__(self):
        self.count = 0
        self.closed = threading.Event()
        self.released = threading.Event()

    def answer(self, call):
        return Bytes(self._chunks())

    def answer_after_release(self, call):
        return Bytes(self._blocked())

    def _chunks(self):
        try:
            while True:
                self.count += 1
                yield bytes(1 << 20)
        finally:
            self.closed.set()

    def _blocked(self):
        try:
            yield b"x"
            self.count += 1
            self.released.wait(PATIENCE_S)
            yield b"y"
        finally:
            self.closed.set()


def test_a_slow_reader_holds_the_producer_back():
    stream = Watched()
    with (
        serving(Route("GET", "/v1/x", stream.answer)) as served,
        served.connected() as connection,
    ):
        connection.sendall(ASK)
        for mebibytes_read in range(1, 9):
            connection.recv(1 << 20, socket.MSG_WAITALL)
            assert not stream.closed.wait(0.05)  # time enough to run ahead
            assert stream.count <= mebibytes_read + 3


def test_a_reader_that_leaves_closes_the_stream():
    stream = Watched()
    with serving(Route("GET", "/v1/x", stream.answer)) as served:
        with served.connected() as connection:
            connection.sendall(ASK)
            connection.recv(100_000)

        assert stream.closed.wait(PATIENCE_S)


def test_a_client_that_stops_reading_closes_the_stream():
    stream = Watched()
    with serving(Route("GET", "/v1/x", stream.answer)) as served:
        answer = served.client.stream("GET", "/v1/x")
        next(answer)
        answer.close()

        assert stream.closed.wait(PATIENCE_S)


def test_a_step_under_way_is_over_before_the_stream_is_closed():
    stream = Watched()
    with serving(Route("GET", "/v1/x", stream.answer_after_release)) as served:
        with served.connected() as connection:
            connection.sendall(ASK)
            connection.recv(100_000)
        assert not stream.closed.wait(0.1)

        stream.released.set()

        assert stream.closed.wait(PATIENCE_S)


def test_a_reader_that_takes_nothing_is_cut():
    stream = Watched()
    with (
        serving(Route("GET", "/v1/x", stream.answer), stall_s=0.2) as served,
        served.connected() as connection,
    ):
        connection.sendall(ASK)

        assert stream.closed.wait(PATIENCE_S)


def test_a_reader_that_takes_little_is_served_on():
    stream = Watched()
    with (
        serving(Route("GET", "/v1/x", stream.answer), stall_s=0.5) as served,
        served.connected() as connection,
    ):
        connection.sendall(ASK)
        for _ in range(20):
            assert not stream.closed.wait(0.04)
            assert connection.recv(1 << 16)


def test_a_rest_that_nobody_takes_is_cut_too():
    # More than the kernel holds for a reader, and less than one part.
    large = Document(bytes(300_000))
    with (
        serving(Route("GET", "/v1/x", lambda _: large), stall_s=0.2) as served,
        served.connected() as connection,
    ):
        hung_up = select.poll()
        hung_up.register(connection, 0)
        connection.sendall(ASK)

        assert hung_up.poll(1000 * PATIENCE_S)


def test_a_step_under_way_is_over_before_the_server_is_gone():
    stream = Watched()
    with contextlib.ExitStack() as reading:
        with serving(Route("GET", "/v1/x", stream.answer_after_release)) as served:
            connection = reading.enter_context(served.connected())
            connection.sendall(ASK)
            connection.recv(100_000)
            # Later than answers under way are granted.
            threading.Timer(1.3, stream.released.set).start()

        assert stream.closed.is_set()


def test_an_answer_under_way_is_finished_when_the_server_stops():
    go_on = threading.Event()

    def contents(call):
        def chunks():
            yield b"a"
            go_on.wait(PATIENCE_S)
            yield b"b"

        return Bytes(chunks())

    with contextlib.ExitStack() as reading:
        with serving(Route("GET", "/v1/x", contents), graceful_s=PATIENCE_S) as served:
            connection = reading.enter_context(served.connected())
            connection.sendall(ASK)
            while not connection.recv(1 << 16).endswith(b"a\r\n"):
                pass
            threading.Timer(0.2, go_on.set).start()

        assert received(connection) == b"1\r\nb\r\n0\r\n\r\n"
