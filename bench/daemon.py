"""One expokeepd as a real process, on a bucket and a database of its own.

It is told where everything is through the environment, as in use. Only its watching is
slowed down where a round wants to say itself when a save happens.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench import tools
from bench.peers.base import Ground
from bench.proxy import Proxy
from bench.server import Server
from expokeep.embedded.servers import running_servers

_START_S = 60.0
_STOP_S = 60.0
_LOOK_EVERY_S = 0.02

ONLY_WHEN_ASKED = """\
debounce: {quiet: 10m, max-wait: 1h}
reconcile-interval: 1d
"""
"""Settings of a daemon that keeps nothing by itself for as long as a round takes."""


@contextmanager
def ground_for(work: Path) -> Iterator[tuple[Proxy, Ground]]:
    """Hold servers of our own, a proxy before the bucket, and what a daemon needs."""
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers(work / "servers"))
        proxy = stack.enter_context(Proxy(servers.seaweed.endpoint_url).running())
        bucket = stack.enter_context(Server(servers.seaweed, proxy.endpoint).bucket())
        programs = {name: tools.expokeep(name) for name in ("expokeep", "expokeepd")}
        yield proxy, Ground(programs, bucket, work, servers.postgres.dsn)


class DaemonFailed(Exception):
    """The daemon did not come up, or a command to it failed."""


class Daemon:
    """A running daemon, and the command that talks to it."""

    def __init__(self, ground: Ground, state: Path, process_id: int) -> None:
        self.process_id = process_id
        self.state = state
        self._ground = ground

    def ask(self, *words: str | Path) -> Any:
        """Run `expokeep WORDS --json` to its end, and return what it says."""
        command = [str(self._ground.programs["expokeep"]), *map(str, words), "--json"]
        done = subprocess.run(
            command,
            env={**os.environ, "EXPOKEEP_STATE_DIR": str(self.state)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DaemonFailed(
                f"{command} exited with {done.returncode}: {done.stderr}"
            )
        lines = done.stdout.splitlines()
        return json.loads(lines[-1]) if lines else None


@contextmanager
def running(ground: Ground, watched: Path, settings: str = "") -> Iterator[Daemon]:
    """Run a daemon that watches `watched` and knows nothing yet.

    Raises:
        DaemonFailed: it does not come up; its log is in the message.
    """
    state = ground.room / "state"
    config = ground.room / "expokeep.yaml"
    config.write_text(settings or "{}\n")
    environment = {
        **os.environ,
        "EXPOKEEP_CONFIG": str(config),
        "EXPOKEEP_STATE_DIR": str(state),
        "DATABASE_URL": _new_database(ground),
        "R2_ENDPOINT": ground.bucket.endpoint,
        "R2_BUCKET_NAME": ground.bucket.name,
        "R2_ACCESS_KEY_ID": ground.bucket.access_key,
        "R2_SECRET_ACCESS_KEY": ground.bucket.secret_key,
    }
    _migrate(ground, environment)
    log = ground.room / "expokeepd.log"
    command = [str(ground.programs["expokeepd"]), "--watch-dir", str(watched)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output
        )
    try:
        _wait_for(state / "control.sock", process, log)
        yield Daemon(ground, state, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_S)


def _new_database(ground: Ground) -> str:
    """Make an empty database, so that nothing is known from an earlier round."""
    name = ground.bucket.name.replace("-", "_")
    with psycopg.connect(ground.postgres_dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(ground.postgres_dsn)._replace(path=f"/{name}"))


def _migrate(ground: Ground, environment: Mapping[str, str]) -> None:
    command = [str(ground.programs["expokeep"]), "db", "migrate"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DaemonFailed(f"db migrate exited with {done.returncode}: {done.stderr}")


def _wait_for(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        time.sleep(_LOOK_EVERY_S)
    raise DaemonFailed(f"expokeepd did not come up:\n{log.read_text()[-2000:]}")
