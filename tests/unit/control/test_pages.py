"""Pages over HTTP: whoever reaches the address may ask, and nobody can do harm."""

import contextlib
import http.client
import socket
import threading

import pytest

from expokeep.control.pages import AddressUnusable, Page, Pages, Patience

PATIENT_S = 10.0
"""How long a test waits for what must come."""


def _broken(_accept: str) -> Page:
    raise RuntimeError("canary")


ANSWERS = {
    "/hello": lambda accept: Page(f"hello {accept}".encode()),
    "/ill": lambda _: Page(b"ill", status=503),
    "/broken": _broken,
    "/long": lambda _: Page(b"x" * 50_000_000),
}


@contextlib.contextmanager
def serving(**patience):
    with Pages(("127.0.0.1", 0), ANSWERS, Patience(**patience)) as pages:
        yield pages.port


def ask(port, method, path, headers=None):
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENT_S)
    ) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers


def connected(port):
    return contextlib.closing(
        socket.create_connection(("127.0.0.1", port), timeout=PATIENT_S)
    )


def rest_of(guest):
    """Return what comes until the other side has closed, or reset, the connection."""
    came = b""
    with contextlib.suppress(ConnectionError):
        while data := guest.recv(65536):
            came += data
    return came


def test_a_page_is_answered_whatever_the_host_is_called():
    with serving() as port:
        status, body, headers = ask(
            port, "GET", "/hello?a=b", {"Host": "anything", "Accept": "text/x"}
        )

    assert (status, body) == (200, b"hello text/x")
    assert headers["Content-Length"] == "12"
    assert headers["Connection"] == "close"


def test_the_status_of_a_page_is_its_own():
    with serving() as port:
        assert ask(port, "GET", "/ill")[:2] == (503, b"ill")


def test_head_has_the_length_and_no_body():
    with serving() as port:
        status, body, headers = ask(port, "HEAD", "/ill")

    assert (status, body, headers["Content-Length"]) == (503, b"", "3")


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "CONNECT"]
)
def test_nothing_but_get_and_head_is_answered(method):
    with serving() as port:
        status, _, headers = ask(port, method, "/hello")

    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/nothing", "/hello/", "//hello", "/../hello"])
def test_other_paths_lead_nowhere(path):
    with serving() as port:
        assert ask(port, "GET", path)[0] == 404


@pytest.mark.parametrize(
    "line",
    [
        b"GET",
        b"GET hello HTTP/1.1",
        b"GET http://x/hello HTTP/1.1",
        b"GET /hello",
        b"\0 \0",
    ],
)
def test_what_is_no_http_is_refused(line):
    with serving() as port, connected(port) as guest:
        guest.sendall(line + b"\r\n\r\n")

        assert rest_of(guest).startswith(b"HTTP/1.1 400 ")


def test_a_fault_of_ours_is_told_without_its_words_and_ends_nothing():
    with serving() as port:
        status, body, _ = ask(port, "GET", "/broken")

        assert (status, body) == (500, b"internal server error\n")
        assert ask(port, "GET", "/ill")[0] == 503


def test_a_question_that_is_too_long_is_cut_off():
    with serving() as port, connected(port) as guest:
        with contextlib.suppress(ConnectionError):
            guest.sendall(b"GET /hello HTTP/1.1\r\nX: " + b"x" * 1_000_000)

        assert rest_of(guest) == b""


def test_whoever_dawdles_is_sent_away():
    with serving(question_s=0.2) as port, connected(port) as guest:
        guest.sendall(b"GET /hello HTTP/1.1\r\n")

        assert rest_of(guest) == b""


def test_dawdlers_keep_nobody_else_from_an_answer():
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(serving(connections=50, question_s=PATIENT_S))
        for _ in range(40):
            stack.enter_context(connected(port)).sendall(b"GET /hel")

        assert ask(port, "GET", "/ill")[0] == 503


def test_who_has_dawdled_longest_makes_room_for_who_comes():
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(serving(connections=3, question_s=PATIENT_S))
        guests = [stack.enter_context(connected(port)) for _ in range(3)]
        for guest in guests:
            guest.sendall(b"GET /hel")

        assert ask(port, "GET", "/ill")[0] == 503

        assert rest_of(guests[0]) == b""
        guests[2].sendall(b"lo HTTP/1.1\r\n\r\n")
        assert b"hello" in rest_of(guests[2])


def test_who_takes_all_seats_again_and_again_keeps_nobody_from_an_answer():
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(serving())
        for _ in range(3 * Patience().connections):
            stack.enter_context(connected(port)).sendall(b"GET /hel")

        assert ask(port, "GET", "/ill")[0] == 503


def test_whoever_does_not_take_an_answer_is_not_waited_for():
    with serving(answer_s=0.2) as port, connected(port) as guest:
        guest.sendall(b"GET /long HTTP/1.1\r\n\r\n")
        guest.recv(1)

        assert ask(port, "GET", "/ill")[0] == 503
        assert len(rest_of(guest)) < 50_000_000


def test_a_port_that_somebody_has_is_refused_in_words():
    with serving() as port:
        second = Pages(("127.0.0.1", port), ANSWERS)

        with pytest.raises(AddressUnusable, match=f"127.0.0.1:{port}: .*in use"):
            second.__enter__()

    with second:
        assert ask(port, "GET", "/ill")[0] == 503


@pytest.mark.parametrize("host", ["203.0.113.1", "nowhere.invalid"])
def test_an_address_that_is_not_ours_is_refused_in_words(host):
    with pytest.raises(AddressUnusable, match=host):
        Pages((host, 0), ANSWERS).__enter__()


def test_the_sixth_version_of_the_internet_is_answered_too():
    with contextlib.ExitStack() as stack:
        pages = stack.enter_context(Pages(("::1", 0), ANSWERS))
        connection = http.client.HTTPConnection("::1", pages.port, timeout=PATIENT_S)
        stack.enter_context(contextlib.closing(connection))
        connection.request("GET", "/ill")

        assert connection.getresponse().status == 503


def test_the_end_waits_for_no_guest():
    with contextlib.ExitStack() as stack:
        pages = stack.enter_context(Pages(("127.0.0.1", 0), ANSWERS))
        guest = stack.enter_context(connected(pages.port))
        pages.__exit__()

        assert rest_of(guest) == b""
        assert not [one for one in threading.enumerate() if one.name == "pages"]
