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
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.embedded.account import Account, account_of, give_directory, give_file
from expokeep.embedded.process import Child, Program, end_leftover, locked, running
from expokeep.embedded.programs import weed
from expokeep.errors import BackendUnreachable

_HOST = "127.0.0.1"
_PARTS = ("master", "volume", "filer", "s3")
_PORTS = range(10_000, 32_000)
"""Below the range from which the kernel takes the near end of outgoing connections."""

_START_S = 45.0
_PROBE_S = 2.0
_STOP = ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0))
"""By itself it takes 15 s to wait for its own connections to itself. What it has
acknowledged it has written to files by then, and files survive a SIGKILL."""

_OPTIONS = (
    "-dir=data",
    "-master.dir=master",
    # A cluster of one has nobody to wait for: 2.3 s to come up instead of 3 to 22.
    "-master.peers=none",
    f"-ip={_HOST}",
    f"-ip.bind={_HOST}",
    "-filer",
    "-filer.localSocket=data/filer.sock",
    "-s3",
    "-s3.config=identities.json",
    "-s3.localSocket=data/s3.sock",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-s3.iam=false",
    # A missing bucket is an error at R2, so it is one here.
    "-s3.autoCreateBucket=false",
    # Each bucket takes files of its own, which grow to the limit: room for 1 TB.
    "-master.volumeSizeLimitMB=256",
    "-volume.max=4000",
    "-volume.preStopSeconds=0",
    # Nobody's business what runs here, and a sandbox could not reach it anyway.
    "-master.telemetry=false",
)

_CONFIGURATION = {
    "filer.toml": '[leveldb2]\nenabled = true\ndir = "data/filer"\n',
    "master.toml": "",
    "notification.toml": "",
    "security.toml": "",
    "volume.toml": "",
}
"""Found first, so that none of /etc/seaweedfs counts: a SeaweedFS that the host runs
may keep its names in a database, and ours must not."""

_KEYS = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)
"""With these, the HTTP ports behind the gateway answer only to itself, not to every
local user. (The gRPC ports do not know them: a local user who speaks it can still see
and remove names.)"""


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
    with contextlib.ExitStack() as stack:
        yield up(stack, state_dir, stack.enter_context(launched_seaweed(state_dir)))


def up(
    stack: contextlib.ExitStack, state_dir: Path, launched: LaunchedSeaweed
) -> Seaweed:
    """Return how to reach a server once it is up; a second one if it is not.

    Seldom, on a busy machine, its master never opens its socket. Elsewhere, it does.

    Raises:
        BackendUnreachable: The second one does not come up either.
    """
    try:
        return launched.wait()
    except BackendUnreachable:
        stack.close()
        (state_dir / "seaweed" / "ports.json").unlink(missing_ok=True)
        return stack.enter_context(launched_seaweed(state_dir)).wait()


@contextlib.contextmanager
def launched_seaweed(state_dir: Path) -> Iterator[LaunchedSeaweed]:
    """Like `running_seaweed`, without waiting: it takes seconds to come up."""
    home = state_dir / "seaweed"
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(home))
        end_leftover("seaweed", home, _STOP)
        account = account_of(home / "data")
        _prepare(home, account)
        access_key_id, secret = _credentials(home / "identities.json", account)
        ports = _ports(home / "ports.json")
        program = _program(home, account, ports)
        stack.callback(_remove_sockets, ports)
        child = stack.enter_context(running("seaweed", home, program, _STOP))
        endpoint_url = f"http://{_HOST}:{ports['s3']}"
        seaweed = Seaweed(endpoint_url, access_key_id, secret, child.pid)
        yield LaunchedSeaweed(seaweed, child, ports)


def _program(home: Path, account: Account, ports: dict[str, int]) -> Program:
    return Program(
        path=weed(),
        arguments=(
            "-logtostderr=true",
            "server",
            *_OPTIONS,
            *(f"-{part}.port={ports[part]}" for part in _PARTS),
            *(f"-{part}.port.grpc={ports[f'{part}.grpc']}" for part in _PARTS),
        ),
        directory=home,
        account=account,
        # Nothing of ours is passed on: it would take AWS_* for credentials of its own,
        # and read configuration from the home directory.
        environment={
            "PATH": os.defpath,
            "HOME": str(home),
            **{name: secrets.token_hex(32) for name in _KEYS},
            # One volume at a time for a bucket, not seven.
            "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        },
        when_orphaned=signal.SIGKILL,
    )


def _prepare(home: Path, account: Account) -> None:
    # What the master knows it learns from the volumes; its memory of an election that
    # only it took part in is one thing less that can be broken.
    shutil.rmtree(home / "master", ignore_errors=True)
    give_directory(home / "master", account)
    give_directory(home / "data", account)
    for name, content in _CONFIGURATION.items():
        give_file(home / name, content, account)


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
        give_file(path, json.dumps({"identities": [identity]}), account)
    identities = json.loads(path.read_text(encoding="ascii"))["identities"]
    credentials = identities[0]["credentials"][0]
    return credentials["accessKey"], credentials["secretKey"]


def _ports(path: Path) -> dict[str, int]:
    """Return a port for each HTTP and gRPC server: those of last time if they are free.

    So the endpoint stays what it was, for whoever wrote it down.
    """
    with contextlib.suppress(FileNotFoundError):
        last_time: dict[str, int] = json.loads(path.read_text(encoding="ascii"))
        _remove_sockets(last_time)
        if all(map(_is_free, last_time.values())):
            return last_time
    names = [*_PARTS, *(f"{part}.grpc" for part in _PARTS)]
    candidates = filter(_is_free, random.SystemRandom().sample(_PORTS, k=1000))
    ports = dict(zip(names, candidates, strict=False))
    path.write_text(json.dumps(ports), encoding="ascii")
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: connections that linger from last time do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _remove_sockets(ports: dict[str, int]) -> None:
    """Remove what it leaves in /tmp when killed; the place is not ours to choose."""
    for part in _PARTS:
        name = f"seaweedfs-{part}-grpc-{ports[f'{part}.grpc']}.sock"
        with contextlib.suppress(OSError):
            Path("/tmp", name).unlink()  # noqa: S108 - its name, see above


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
