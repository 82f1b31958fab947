"""A real Prometheus as a child process, and promtool: what reads our metrics and rules.

A server listens on loopback, keeps its data below a directory of the test, scrapes once
a second, and is ended with the block.
"""

import contextlib
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemons import WAIT_S, until

LISTENS = re.compile(r'msg="Listening on" address=(\S+)')
CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: expokeep
    static_configs: [{{targets: {targets}}}]
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A server that is up, by its HTTP API."""

    address: str
    log: Path

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; what it refuses fails with its reason."""
        query = urllib.parse.urlencode(parameters)
        url = f"http://{self.address}/api/v1/{path}?{query}"
        try:
            with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode()
            raise AssertionError(f"{path} {parameters}: {said}") from error

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples that an expression has right now."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def value(self, expression: str) -> float | None:
        """Return the value of an expression that has one sample, or none."""
        found = self.query(expression)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def rules(self, kind: str) -> list[dict[str, Any]]:
        """Return its rules of a kind, `alert` or `record`, as it sees them."""
        groups = self.ask("rules", type=kind)["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextlib.contextmanager
def prometheus_on(
    targets: Sequence[str], rules: Path, top: Path
) -> Iterator[Prometheus]:
    """Run a server that scrapes these addresses and evaluates these rules."""
    top.mkdir()
    config, log = top / "prometheus.yml", top / "prometheus.log"
    config.write_text(CONFIG.format(rules=rules, targets=json.dumps(list(targets))))
    command = [
        _program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={top / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--query.lookback-delta=30s",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)

    def address() -> str | None:
        said = log.read_text()
        assert process.poll() is None, said
        found = LISTENS.search(said)
        is_up = found and "ready to receive web requests" in said
        return found.group(1) if found and is_up else None

    try:
        yield Prometheus(until(address, "Prometheus is up"), log)
    finally:
        process.terminate()
        process.wait(WAIT_S)


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    return subprocess.run(
        [_program("promtool"), *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: make tools, or apt-get install prometheus")
    return found
