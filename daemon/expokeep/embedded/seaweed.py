"""A real S3 server (SeaweedFS) as a child process, on loopback, with a random secret.

One process is master, volume server, filer and S3 gateway at once, each with an HTTP
and a gRPC port. All are free ports chosen at each start, and none leaves the host.
"""

import contextlib
import http.client
import json
import os
import random
import secrets
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.embedded.account import Account, directory_of_server
from expokeep.embedded.process import Child, Program, end_leftover, locked, running
from expokeep.embedded.programs import weed

_HOST = "127.0.0.1"
_PARTS = ("master", "volume", "filer", "s3")
_PORTS = range(10_000, 32_000)
"""Below the range from which the kernel takes the near end of outgoing connections."""

_START_S = 60.0
_PROBE_S = 2.0
_STOP = ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0))
"""By itself it takes 15 s to wait for its own connections to itself. What it has
acknowledged it has written to files by then, and files survive a SIGKILL."""

_OPTIONS = (
    "-dir=data",
    f"-ip={_HOST}",
    f"-ip.bind={_HOST}",
    "-filer",
    "-filer.localSocket=filer.sock",
    "-s3",
    "-s3.config=identities.json",
    "-s3.localSocket=s3.sock",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-s3.iam=false",
    # A missing bucket is an error at R2, so it is one here.
    "-s3.autoCreateBucket=false",
    # Each bucket takes volumes of its own: small ones, and many.
    "-master.volumeSizeLimitMB=64",
    "-volume.max=1000",
    "-volume.preStopSeconds=0",
    # Nobody's business what runs here, and a sandbox could not reach it anyway.
    "-master.telemetry=false",
)


@dataclass(frozen=True, slots=True)
class Seaweed:
    """How to reach a server; its secret is not shown."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    pid: int


@dataclass(frozen=True, slots=True)
class LaunchedSeaweed:
    """A server that was started and may not be up yet."""

    seaweed: Seaweed
    child: Child
    ports: dict[str, int]

    def wait(self) -> Seaweed:
        """Return how to reach it, as soon as it can be reached.

        Raises:
            BackendUnreachable: It does not come up.
        """
        self.child.wait_until(self._is_ready, _START_S)
        return self.seaweed

    def _is_ready(self) -> bool:
        # The gateway answers before there is a place to put objects, so both are asked.
        if _answer(self.ports["s3"], "/healthz") is None:
            return False
        topology = _answer(self.ports["master"], "/dir/status")
        return topology is not None and json.loads(topology)["Topology"]["Max"] > 0


@contextlib.contextmanager
def running_seaweed(state_dir: Path) -> Iterator[Seaweed]:
    """Run SeaweedFS on the data in `state_dir`, making it the first time.

    Raises:
        ConfigError: The extra is missing, or the server's user cannot reach the data.
        Busy: Another daemon runs on this directory.
        BackendUnreachable: The server does not come up.
    """
    with launched_seaweed(state_dir) as launched:
        yield launched.wait()


@contextlib.contextmanager
def launched_seaweed(state_dir: Path) -> Iterator[LaunchedSeaweed]:
    """Like `running_seaweed`, without waiting: it takes seconds to come up."""
    home = state_dir / "seaweed"
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(home))
        end_leftover("seaweed", home, _STOP)
        server = home / "server"
        account = directory_of_server(server)
        (server / "data").mkdir(mode=0o700, exist_ok=True)
        os.chown(server / "data", account.uid, account.gid)
        access_key_id, secret = _credentials(server / "identities.json", account)
        ports = _free_ports()
        program = _program(server, account, ports)
        stack.callback(_remove_sockets, ports)
        child = stack.enter_context(running("seaweed", home, program, _STOP))
        endpoint_url = f"http://{_HOST}:{ports['s3']}"
        seaweed = Seaweed(endpoint_url, access_key_id, secret, child.pid)
        yield LaunchedSeaweed(seaweed, child, ports)


def _program(server: Path, account: Account, ports: dict[str, int]) -> Program:
    return Program(
        path=weed(),
        arguments=(
            "-logtostderr=true",
            "server",
            *_OPTIONS,
            *(f"-{part}.port={ports[part]}" for part in _PARTS),
            *(f"-{part}.port.grpc={ports[f'{part}.grpc']}" for part in _PARTS),
        ),
        directory=server,
        account=account,
        # Nothing of ours is passed on: it would take AWS_* for credentials of its own,
        # and read configuration from the home directory.
        environment={
            "PATH": os.defpath,
            "HOME": str(server),
            # One volume at a time for a bucket, not seven.
            "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        },
    )


def _credentials(path: Path, account: Account) -> tuple[str, str]:
    """Return access key id and secret, made up the first time."""
    if not path.exists():
        made_up = {
            "accessKey": secrets.token_hex(10),
            "secretKey": secrets.token_hex(20),
        }
        identity = {
            "name": "expokeep",
            "credentials": [made_up],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        partial = path.with_name("identities.partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps({"identities": [identity]}), encoding="ascii")
        os.chown(partial, account.uid, account.gid)
        partial.replace(path)
    identities = json.loads(path.read_text(encoding="ascii"))["identities"]
    credentials = identities[0]["credentials"][0]
    return credentials["accessKey"], credentials["secretKey"]


def _free_ports() -> dict[str, int]:
    """Return a free port for each HTTP and gRPC server, all different."""
    names = [*_PARTS, *(f"{part}.grpc" for part in _PARTS)]
    ports: dict[str, int] = {}
    for port in random.SystemRandom().sample(_PORTS, k=500):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((_HOST, port))
            ports[names[len(ports)]] = port
        if len(ports) == len(names):
            break
    return ports


def _remove_sockets(ports: dict[str, int]) -> None:
    """Remove what it leaves in /tmp when killed; the place is not ours to choose."""
    for part in _PARTS:
        name = f"seaweedfs-{part}-grpc-{ports[f'{part}.grpc']}.sock"
        Path("/tmp", name).unlink(missing_ok=True)  # noqa: S108 - its name, see above


def _answer(port: int, path: str) -> bytes | None:
    connection = http.client.HTTPConnection(_HOST, port, timeout=_PROBE_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == http.client.OK else None
