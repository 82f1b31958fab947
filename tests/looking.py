"""Looks at a daemon over HTTP, as a machine does: /metrics, /healthz, /readyz."""

import contextlib
import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from daemons import WAIT_S, Daemon, Site, daemon_on, until


def free_port() -> int:
    """Return a port that nobody listens at."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape told."""

    text: str
    values: dict[tuple[str, frozenset[tuple[str, str]]], float]
    kinds: dict[str, str]
    """By the name of the metric, without `_total`."""

    def __call__(self, name: str, **labels: str) -> float:
        """Return the value of one series; a missing one fails."""
        key = (f"expokeep_{name}", frozenset(labels.items()))
        assert key in self.values, f"{key} is not in\n{self.text}"
        return self.values[key]

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum over all series that have these labels."""
        wanted = frozenset(labels.items())
        return sum(
            value
            for (found, its), value in self.values.items()
            if found == f"expokeep_{name}" and wanted <= its
        )

    def labels(self, name: str, label: str) -> set[str]:
        """Return the values of a label."""
        return {
            value
            for found, its in self.values
            for key, value in its
            if found == f"expokeep_{name}" and key == label
        }


def parsed(text: str) -> Scrape:
    """Return what a scrape told, as Prometheus' own parser reads it."""
    families = list(text_string_to_metric_families(text))
    values = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    return Scrape(text, values, {one.name: one.type for one in families})


@dataclass(frozen=True, slots=True)
class Window:
    """Where a daemon can be looked at."""

    port: int

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, str, str]:
        """Return the status, the media type and the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            media_type = answer.headers["Content-Type"]
            return answer.status, media_type, answer.read().decode()

    def scrape(self) -> Scrape:
        """Return what is told now."""
        status, _, body = self.ask("/metrics")
        assert status == 200, body
        return parsed(body)


@contextlib.contextmanager
def daemon_to_look_at(
    site: Site, name: str = "one", *, settings: str
) -> Iterator[tuple[Daemon, Window]]:
    """Give a daemon that has not been started, and the window that it will have."""
    port = free_port()
    environment = {"EXPOKEEP_ADDR": f"127.0.0.1:{port}"}
    with daemon_on(site, name, settings=settings, environment=environment) as daemon:
        yield daemon, Window(port)


def grown(before: Scrape, after: Scrape, name: str, **labels: str) -> float:
    """Return by how much a sum has grown from one scrape to another."""
    return after.sum(name, **labels) - before.sum(name, **labels)


def all_saved(window: Window) -> Scrape:
    """Wait until nothing is at work, and return what is told then."""

    def at_rest() -> Scrape | None:
        scrape = window.scrape()
        busy = scrape.sum("sessions") - scrape("sessions", state="idle")
        return None if busy or scrape("spool_entries") else scrape

    return until(at_rest, "all sessions are idle")


def figures(daemon: Daemon, window: Window) -> Scrape:
    """Have the figures of all hosts read again, and return what is told then."""
    before = window.scrape()("catalog_figures_timestamp_seconds")
    daemon.ask("reload")

    def is_read() -> Scrape | None:
        scrape = window.scrape()
        is_new = scrape("catalog_figures_timestamp_seconds") > before
        return scrape if is_new else None

    return until(is_read, "the figures are read again")
