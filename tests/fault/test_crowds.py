"""More callers at a time than a daemon has seats for: as when a machine has started."""

import contextlib
import socket
import threading

import pytest

from expokeep.control.client import Client
from expokeep.control.failure import Crowded
from expokeep.control.routes import Document, Route
from expokeep.errors import ExpokeepError, TimedOut
from serving import serving

CALLERS = 30


def asked_at_once(path, patience_s: float, on_error=lambda: None) -> list[str]:
    ends: list[str] = []

    def ask() -> None:
        client = Client(path, 60.0)
        client.patience_s = patience_s
        try:
            ends.append(client.get("/v1/slow").decode())
        except ExpokeepError as error:
            ends.append(type(error).__name__)
            on_error()

    callers = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return ends


@contextlib.contextmanager
def crowded(answer):
    """Serve a route that has fewer seats than callers."""
    route = Route("GET", "/v1/slow", lambda _: Document(answer()))
    with serving(route, connections=6, connections_kept=2) as served:
        yield served.path


def test_whoever_has_patience_is_served():
    pause = threading.Event()
    with crowded(lambda: b"%d" % pause.wait(0.1)) as path:
        assert asked_at_once(path, 60.0) == ["0"] * CALLERS


def test_who_has_none_is_told_while_all_seats_are_taken():
    told = threading.Event()
    with crowded(lambda: b"%d" % told.wait(60.0)) as path:
        ends = asked_at_once(path, 0.0, on_error=told.set)

    # No seat was free before somebody had been told: nothing hangs on who is quick.
    assert set(ends) == {"1", "Crowded"}


def test_patience_ends_with_the_time_that_a_caller_has():
    with serving(
        Route("GET", "/v1/x", lambda _: Document(b"{}")),
        connections=1,
        connections_kept=0,
    ) as served:
        client = Client(served.path, 1.0)
        client.patience_s = 60.0
        with served.connected(), pytest.raises((Crowded, TimedOut)):
            client.get("/v1/x")  # the only seat is taken by who says nothing


def test_who_finds_no_place_before_the_door_comes_again(tmp_path):
    path, ends = tmp_path / "sock", []
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))  # nobody lets it in
            client = Client(path, 20.0)
            with pytest.raises(Crowded):
                client.get("/v1/x")
            client.patience_s = 20.0
            again = threading.Thread(
                target=lambda: ends.append(client.get("/v1/x")), daemon=True
            )
            again.start()
            door.accept()[0].close()
            connection, _ = door.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            again.join(20.0)
    assert ends == [b"{}"]
