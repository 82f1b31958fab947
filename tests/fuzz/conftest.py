"""A daemon with one session, for requests that no client of ours makes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from daemons import QUICK, Daemon, Site, daemon_on, write
from fuzz.odd_requests import FAILED, sent, status_of

ANYTHING = b"GET /v1/no-such-route HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass
class Asked:
    """A daemon, what is in it, and how it is asked."""

    daemon: Daemon
    site: Site
    world: dict[str, str]

    @property
    def socket(self) -> str:
        """Where it listens."""
        return str(self.daemon.state / "control.sock")

    def routes(self) -> list[str]:
        """Return the table of routes, as the daemon itself says it."""
        told = sent(self.socket, ANYTHING)
        hint = json.loads(told.partition(b"\r\n\r\n")[2])["hint"]
        return re.findall(r"(?:GET|POST) /[^ ,]+(?<!\.)", hint.removesuffix("."))

    def send(self, raw: bytes, wait_s: float) -> bytes:
        """Send a request; the answer is one, and no bug is in it."""
        answer = sent(self.socket, raw, wait_s)
        assert FAILED.encode() not in answer, (raw, answer, self.daemon.story)
        assert status_of(answer) != 500, (raw, answer, self.daemon.story)
        return answer

    def assert_well(self) -> None:
        """Fail unless it goes on as if nothing had been."""
        assert status_of(sent(self.socket, ANYTHING)) == 404, self.daemon.story
        assert "Traceback" not in self.daemon.log, self.daemon.story


@pytest.fixture(scope="module")
def asked(prepare_site) -> Iterator[Asked]:
    with prepare_site() as site, daemon_on(site, settings=QUICK) as daemon:
        daemon.start()
        sid, place = site.session("odd")
        write(place, {"App.js": "1", "package.json": "{}", "src/a.js": "a"})
        daemon.await_versions(sid, 1)
        yield Asked(daemon, site, {"session": sid})
        assert daemon.stop() == 0, daemon.story
