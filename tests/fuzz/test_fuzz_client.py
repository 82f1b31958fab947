"""A daemon that means no good: whatever it answers, a command ends with a word."""

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemons import SCRIPTS, WAIT_S
from expokeep.control.client import Client
from expokeep.errors import ExpokeepError
from fuzz.mutating import mutated, seeds
from measuring import at_most

LINES = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"


class Answering:
    """Says to each caller what a test wants it to say."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.says: bytes | Iterator[bytes] = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(WAIT_S)
        self._listener.close()

    def _answer(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller, contextlib.suppress(OSError):
                caller.settimeout(WAIT_S)
                caller.recv(1 << 16)
                says = self.says
                for part in [says] if isinstance(says, bytes) else says:
                    caller.sendall(part)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory) -> Iterator[Answering]:
    made = Answering(str(tmp_path_factory.mktemp("d") / "control.sock"))
    yield made
    made.close()


def asked(daemon: Answering) -> None:
    client = Client(daemon.path, WAIT_S)
    for ask in (
        lambda: client.get("/v1/info"),
        lambda: client.post("/v1/flush", {"wait": True}),
        lambda: list(client.lines("GET", "/v1/events")),
        lambda: list(client.stream("GET", "/v1/x")),
    ):
        with contextlib.suppress(ExpokeepError):
            ask()


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(mutated(seeds("client")) | st.binary(max_size=200))
def test_no_answer_is_anything_but_an_answer_or_an_error(daemon, raw):
    daemon.says = raw

    asked(daemon)


@pytest.mark.parametrize("number", range(len(seeds("client"))))
def test_answers_that_were_found_once(daemon, number):
    daemon.says = seeds("client")[number]

    asked(daemon)


def expokeep(daemon: Answering, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(SCRIPTS / "expokeep"), "--socket", daemon.path, *words],
        check=False,
        capture_output=True,
        timeout=2 * WAIT_S,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )


def answer(document: object, status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def test_what_it_says_does_not_reach_the_terminal_as_it_is(daemon):
    daemon.says = answer(
        {
            "message_type": "error",
            "error": f"no such session {ESCAPES}",
            "hint": f"do {ESCAPES} this",
            "exit_code": 10,
        },
        404,
    )

    done = expokeep(daemon, "log", "shop")

    assert done.returncode == 10
    said = (done.stdout + done.stderr).decode()
    assert "no such session" in said
    assert not set(ESCAPES) & set(said) & {"\x1b", "\x07", "\u202e", "\x9b"}


@pytest.mark.parametrize("verb", [["status"], ["log", "x"], ["restore", "x"], ["info"]])
@pytest.mark.parametrize(
    "document", [[], None, "x", {}, {"message_type": "offer"}, {"message_type": []}]
)
def test_documents_of_another_kind_are_told_and_no_traceback(daemon, verb, document):
    daemon.says = answer(document)

    done = expokeep(daemon, *verb)

    assert done.returncode not in (0, 1), done
    assert b"Traceback" not in done.stderr


def test_a_line_without_end_ends_the_command_and_not_the_memory(daemon):
    def endless() -> Iterator[bytes]:
        yield LINES
        for _ in range(20_000):
            yield b" " * 65_536

    daemon.says = endless()
    client = Client(daemon.path, WAIT_S)

    with at_most(512 << 20), pytest.raises(ExpokeepError, match="no end"):
        list(client.lines("GET", "/v1/events"))
